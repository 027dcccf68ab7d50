"""``fashionbench rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, pass_state

if TYPE_CHECKING:
    from fashionbench.records.store import Store


@click.command(epilog="\b\nExamples:\n  fashionbench rescore\n  fashionbench rescore runs/today\n")
@click.argument("store", required=False, type=click.Path(path_type=Path, file_okay=False))
@pass_state
def rescore(state: State, /, *, store: Path | None) -> None:
    """Compute metrics of STORE that were absent, or that have a newer implementation, from stored predictions.

    No backend is asked. Each new record supersedes the one whose predictions it was computed from. STORE is the folder
    of the records, by default $FASHIONBENCH_STORE or ./results.
    """
    from fashionbench.api.runs import rescore as compute

    opened: Store = state.store(store)
    made = compute(opened, plugins=state.plugins, say=click.echo)
    click.echo(f"{len(made)} records were rescored in {opened.root}")

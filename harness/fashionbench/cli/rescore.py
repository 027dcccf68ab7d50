"""``fashionbench rescore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import Place, State, pass_state, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.records.store import Store


EXAMPLES = """
\b
Examples:
  fashionbench rescore
  fashionbench rescore runs/today --data viton-hd=/data/zalando-hd-resized
"""


@click.command(epilog=EXAMPLES)
@click.argument("folder", metavar="[STORE]", required=False, type=Place(file_okay=False))
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option("--metric", "metrics", multiple=True, help="Also compute this metric where it can be; may be repeated.")
@store_option
@pass_state
def rescore(
    state: State,
    /,
    *,
    folder: str | Path | None,
    store: str | Path | None,
    data: tuple[str, ...],
    metrics: tuple[str, ...],
) -> int:
    """Compute metrics of STORE that were absent, or that have a newer implementation, from stored predictions.

    No backend is asked. Each new record supersedes the one whose predictions it was computed from. Metrics that compare
    generated images with those of a data set need its folder. STORE is the folder of the records, which --store names
    as well, by default $FASHIONBENCH_STORE or ./results. Ends with exit code 1 where the predictions of a record are
    missing or damaged.
    """
    from fashionbench.api.runs import rescore as compute
    from fashionbench.errors import counted

    opened: Store = state.store(folder or store)
    failures: list[str] = []
    made = compute(
        opened,
        data=state.roots(data),
        metrics=metrics,
        plugins=state.plugins,
        say=echo,
        fail=failures.append,
    )
    for failure in failures:
        echo(failure, err=True)
    echo(f"{counted(len(made), 'record')} rescored in {opened.address}")
    return 1 if failures else 0

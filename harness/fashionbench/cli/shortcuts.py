"""``fashionbench shortcuts``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from fashionbench.studies.shortcuts import Share

EXAMPLES = """
\b
Examples:
  fashionbench run --task atelier/fashion-iq-original --backend 'control/pocket-*' --backend baseline/pocket-sum
  fashionbench shortcuts atelier/fashion-iq-original
  fashionbench shortcuts cirr/val --metric hit@5 --labels circus-cirr.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("task")
@click.option("--metric", default="hit@10", show_default=True, help="A metric of single queries.")
@click.option("--image-only", help="The backend that sees the reference alone.  [default: control/pocket-image-only]")
@click.option("--text-only", help="The backend that sees the text alone.  [default: control/pocket-text-only]")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A JSON object of query ids and true (a shortcut) or false, instead of what the controls answer.",
)
@store_option
@json_option
@pass_state
def shortcuts(
    state: State,
    /,
    *,
    task: str,
    metric: str,
    image_only: str | None,
    text_only: str | None,
    labels: Path | None,
    store: str | Path | None,
    as_json: bool,
) -> None:
    """Say which queries of a composed retrieval the image or the text alone answers, and who answers the others."""
    from fashionbench.api.shortcuts import IMAGE_ONLY, TEXT_ONLY
    from fashionbench.api.shortcuts import shortcuts as find

    found = find(
        task,
        metric=metric,
        image_only=image_only or IMAGE_ONLY,
        text_only=text_only or TEXT_ONLY,
        labels=labels,
        store=store,
        plugins=state.plugins,
    )
    if as_json:
        print_json(asdict(found))
        return
    from rich.table import Table

    needing = found.queries - found.shortcuts
    table = Table(title=f"{found.metric} of {found.task}")
    heads = (f"all {found.queries}", f"shortcuts {found.shortcuts}", f"need both {needing}", "ahead of one modality")
    for at, head in enumerate(("backend", *heads)):
        table.add_column(head, justify="right" if at else "left", overflow="fold")
    for row in found.rows:
        parts = (row.whole, row.shortcut, row.composed, row.gap)
        table.add_row(row.system, *map(_text, parts))
    print_table(table)
    share = 100 * found.shortcuts / found.queries
    line = f"{share:.1f} % of the queries are shortcuts, by {found.labels}"
    if found.image is not None:
        line += f": {found.image} by the image, {found.text} by the text, {found.both} of them by each"
    echo(line)


def _text(share: Share | None) -> str:
    if share is None or share.value is None:
        return "–"
    limits = "" if share.interval is None else f" [{100 * share.interval[0]:.1f}, {100 * share.interval[1]:.1f}]"
    return f"{100 * share.value:.1f}{limits}"

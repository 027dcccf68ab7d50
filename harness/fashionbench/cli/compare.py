"""``fashionbench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, format_of_file, json_option, pass_state, print_table, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from fashionbench.studies.comparison import Comparison

EXAMPLES = """
\b
Examples:
  fashionbench compare baseline/pocket-lit unifashion-quick
  fashionbench compare control/random baseline/pocket-lit --task 'wardrobe/*' --metric mrr
  fashionbench compare results/yesterday results/today
  fashionbench compare baseline/pocket-lit unifashion-quick --format html --output compare.html
"""


@click.command(epilog=EXAMPLES)
@click.argument("baseline")
@click.argument("candidate")
@click.option("--task", "tasks", multiple=True, help="Only this task, or a pattern such as 'wardrobe/*'.")
@click.option("--metric", "metrics", multiple=True, help="Only this metric; may be repeated.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "markdown", "latex", "json", "html"]), help="How to print."
)
@click.option("--slices", is_flag=True, help="Show the slices of each task in the table too.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies, for pictures.")
@store_option
@json_option
@pass_state
def compare(
    state: State,
    /,
    *,
    baseline: str,
    candidate: str,
    tasks: tuple[str, ...],
    metrics: tuple[str, ...],
    format_: str | None,
    slices: bool,
    output: Path | None,
    data: tuple[str, ...],
    store: str | Path | None,
    as_json: bool,
) -> None:
    """Compare CANDIDATE with BASELINE, item by item, on the tasks that both were measured on.

    Each is a backend, its whole label on a board, the beginning of a record id, or the folder of a store. Numbers that
    were measured otherwise are refused, and what differs is named.
    """
    from fashionbench.api.comparisons import FORMATS, compare_stored, comparison_page, render_comparison
    from fashionbench.output_files import check_output, write_output

    chosen = "json" if as_json else format_
    if output is not None and chosen is None:
        chosen = format_of_file(output, {suffix: name for name, suffix in FORMATS.items()})
    if output is not None:
        check_output(output)
    if chosen in {None, "table"}:
        made = compare_stored(baseline, candidate, store=store, tasks=tasks, metrics=metrics, plugins=state.plugins)
        for comparison in made:
            _print(comparison, slices=slices)
        return
    if chosen == "html":
        roots = state.roots(data)
        text = comparison_page(
            baseline, candidate, store=store, tasks=tasks, metrics=metrics, data=roots, plugins=state.plugins
        )
    else:
        made = compare_stored(baseline, candidate, store=store, tasks=tasks, metrics=metrics, plugins=state.plugins)
        text = render_comparison(made, str(chosen))
    if output is None:
        echo(text, nl=False, raw=True)
    else:
        write_output(output, text)
        echo(f"wrote {output}")


def _print(comparison: Comparison, *, slices: bool) -> None:
    from rich.table import Table

    from fashionbench.errors import counted, first_names
    from fashionbench.studies.comparison_text import HEADS, cells, notes

    table = Table(title=f"{comparison.candidate} against {comparison.baseline}")
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="left" if place < 3 else "right", overflow="fold")
    for one in comparison.differences:
        if slices or one.slice == "all" or one.task not in {d.task for d in comparison.differences if d.slice == "all"}:
            table.add_row(*cells(one))
    print_table(table)
    for note in notes(comparison):
        echo(f"  – {note}")
    lost = [flip.item for flip in comparison.flips if flip.candidate < flip.baseline]
    if comparison.flips:
        echo(f"  – {counted(len(comparison.flips), 'item')} changed most: see --format json, markdown or html")
    if lost:
        echo(f"  – lower than before: {first_names(lost)}")

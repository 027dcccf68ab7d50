"""``fashionbench board``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, format_of_file, json_option, pass_state, print_table, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from fashionbench.boards import Board, Table

EXAMPLES = """
\b
Examples:
  fashionbench board quickstart
  fashionbench board quickstart --format html --output board.html
  fashionbench board my-board.yaml --format markdown
  fashionbench board my-board.yaml --store s3://bucket/results
"""


@click.command(epilog=EXAMPLES)
@click.argument("name")
@click.option("--format", "format_", help="A file format: markdown, html, csv, json, latex, or a plugin's.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option(
    "--predictions", is_flag=True, help="Of a store at an address, also fetch predictions, to check and to test them."
)
@store_option
@json_option
@pass_state
def board(
    state: State,
    /,
    *,
    name: str,
    format_: str | None,
    output: Path | None,
    predictions: bool,
    store: str | Path | None,
    as_json: bool,
) -> int:
    """Show a leaderboard: NAME is a registered board or a YAML file.

    Of a store at an address, such as s3://bucket/results, the records of its tasks are fetched and no others. Ends with
    exit code 1 where files of the store were damaged, and the board is incomplete.
    """
    from fashionbench.api.boards import make_board, render_board
    from fashionbench.api.stores import existing_store
    from fashionbench.errors import ConfigError
    from fashionbench.output_files import check_output, write_output

    chosen = "json" if as_json else format_
    if output is not None and chosen is None:
        chosen = format_of_file(output, {r.suffix: r.id for r in state.plugins.reporters})
    if output is not None:
        check_output(output)
    if chosen is not None:
        state.plugins.reporters[chosen]  # an unknown format is said before the store is read
    opened = existing_store(store, state.plugins)
    made = make_board(name, store=opened, plugins=state.plugins, predictions=predictions)
    if made.complete and not any(table.rows for table in made.tables):
        raise ConfigError(
            f"no record of {opened.address} is of the board {made.spec.id}", remedy=f"fashionbench run {name}"
        )
    if opened.read_only and not predictions:
        echo("note: predictions were not fetched, so the columns are not tested: --predictions does", err=True)
    if chosen is None:
        print_board(made)
    else:
        text = render_board(made, chosen, plugins=state.plugins)
        if output is None:
            echo(text, nl=not text.endswith("\n"), raw=True)
        else:
            write_output(output, text)
            echo(f"wrote {output}")
    return 0 if made.complete else 1


def print_board(made: Board) -> None:
    """Print a board on the terminal."""
    from fashionbench.boards.text import RANKS, how_tested
    from fashionbench.errors import first_names

    for table in made.tables:
        print_table(_rich(table))
        for line in how_tested(table):
            echo(f"  {line}")
        reasons: dict[str, dict[str, None]] = {}
        for row in table.rows:
            for value in row.values:
                if value.reason:
                    reasons.setdefault(value.reason, {})[row.label] = None
        for reason in sorted(reasons):
            echo(f"  – {first_names(list(reasons[reason]))}: {reason}")
    if any(how_tested(table) for table in made.tables):
        echo(RANKS)
    for fault in made.faults:
        echo(f"incomplete: {fault.path} was left out: {fault.message}", err=True)


def _rich(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    from fashionbench.boards.text import (
        is_among_best,
        legend,
        number,
        standing,
        tested_heading,
        uncertainty,
    )

    marks = legend(table)
    notes = [table.note, *(f"{mark}: {text}" for mark, text in marks.items())]
    caption = "; ".join(note for note in notes if note)
    shown = RichTable(title=table.title, caption=caption)
    shown.add_column("backend", overflow="fold")
    for at in range(len(table.heads)):
        shown.add_column(tested_heading(table, at), justify="right")
    for place, row in enumerate(table.rows):
        measured = [f"[{row.coverage} columns]"] if row.coverage else []
        label = " ".join([row.label, *measured, *(f"({mark})" for mark in row.marks)])
        cells = [
            Text(
                " ".join(part for part in (number(value), uncertainty(value), standing(table, place, at)) if part),
                style="bold" if is_among_best(table, place, at) else "",
            )
            for at, value in enumerate(row.values)
        ]
        shown.add_row(label, *cells, style="dim" if row.control else "")
    return shown

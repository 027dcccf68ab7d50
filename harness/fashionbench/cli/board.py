"""``fashionbench board``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, pass_state, print_table, store_option

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from fashionbench.boards import Board, Table
    from fashionbench.records.store import Store
    from fashionbench.specs import BoardSpec

EXAMPLES = """
\b
Examples:
  fashionbench board quickstart
  fashionbench board quickstart --format html --output board.html
  fashionbench board my-board.yaml --format markdown
"""


@click.command(epilog=EXAMPLES)
@click.argument("name")
@click.option("--format", "format_", help="A file format: markdown, html, csv, json, or a plugin's.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@store_option
@json_option
@pass_state
def board(
    state: State, /, *, name: str, format_: str | None, output: Path | None, store: Path | None, as_json: bool
) -> int:
    """Show a leaderboard: NAME is a registered board or a YAML file.

    Ends with exit code 1 where files of the store were damaged, and the board is incomplete.
    """
    from fashionbench.files import write_text

    opened = state.store(store)
    made = make_board(name, state, opened)
    chosen = "json" if as_json else format_
    if output is not None and chosen is None:
        chosen = {r.suffix: r.id for r in state.plugins.reporters}.get(output.suffix.lstrip("."), "markdown")
    if chosen is None:
        print_board(name, state, opened)
    else:
        text = render(made, chosen, state)
        if output is None:
            click.echo(text, nl=not text.endswith("\n"))
        else:
            write_text(output, text)
            click.echo(f"wrote {output}")
    return 0 if made.complete else 1


def find_board(name: str, state: State) -> BoardSpec:
    """Find a board by the name of a file or of a registered board."""
    from fashionbench.specs.board_file import read_board

    return read_board(Path(name)) if name.endswith((".yaml", ".yml")) else state.plugins.boards[name]


def make_board(name: str, state: State, store: Store) -> Board:
    """Make a board of the records of a store."""
    from fashionbench.boards import Board

    return Board.of(find_board(name, state), store, state.plugins)


def render(made: Board, format_: str, state: State) -> str:
    """Write a board in a format."""
    from typing import Any, cast

    from fashionbench.specs import resolve

    return str(cast("Any", resolve(state.plugins.reporters[format_].target))(made))


def write_board(name: str, state: State, store: Store) -> Path:
    """Write a board in every format beside the records, and return the path of the HTML file, or of the last one."""
    from fashionbench.files import write_text

    made = make_board(name, state, store)
    paths: list[Path] = []
    for reporter in state.plugins.reporters:
        path = store.root / "boards" / f"{made.spec.id.replace('/', '__')}.{reporter.suffix}"
        write_text(path, render(made, reporter.id, state))
        paths.append(path)
    return next((path for path in paths if path.suffix == ".html"), paths[-1])


def print_board(name: str, state: State, store: Store) -> None:
    """Print a board on the terminal."""
    made = make_board(name, state, store)
    for table in made.tables:
        print_table(_rich(table))
        reasons = sorted({f"{r.label}: {v.reason}" for r in table.rows for v in r.values if v.reason})
        for reason in reasons:
            click.echo(f"  – {reason}")
    for fault in made.faults:
        click.echo(f"incomplete: {fault.path} was left out: {fault.message}", err=True)


def _rich(table: Table) -> RichTable:
    from rich.markup import escape
    from rich.table import Table as RichTable

    from fashionbench.boards.text import heading, legend, number, uncertainty

    marks = legend(table)
    caption = "; ".join([part for part in (table.note, *(f"{mark}: {text}" for mark, text in marks.items())) if part])
    shown = RichTable(title=escape(table.title), caption=escape(caption))
    shown.add_column("backend", overflow="fold")
    for head in table.heads:
        shown.add_column(escape(heading(head)), justify="right")
    for row in table.rows:
        label = " ".join([row.label, *(f"({mark})" for mark in row.marks)])
        cells = [f"{number(value)} {uncertainty(value)}".strip() for value in row.values]
        shown.add_row(escape(label), *(escape(cell) for cell in cells), style="dim" if row.control else "")
    return shown

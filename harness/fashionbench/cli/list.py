"""``fashionbench list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table

if TYPE_CHECKING:
    from fashionbench.api.catalog import Kind

KINDS = ("tasks", "datasets", "backends", "metrics", "trainers", "studies", "boards", "references", "executors")


@click.command("list", epilog="\b\nExamples:\n  fashionbench list tasks\n  fashionbench list backends --json\n")
@click.argument("kind", type=click.Choice(KINDS))
@json_option
@pass_state
def list_(state: State, /, *, kind: Kind, as_json: bool) -> None:
    """List tasks, datasets, backends, metrics, trainers, studies, boards, executors, or published numbers."""
    from rich.table import Table

    from fashionbench.api.catalog import list_specs

    rows = list_specs(kind, state.plugins)
    if as_json:
        print_json(rows)
        return
    table = Table(title=f"{len(rows)} {kind}")
    for name in rows[0] if rows else ("id",):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)

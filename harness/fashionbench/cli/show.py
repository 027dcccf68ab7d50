"""``fashionbench show``."""

from __future__ import annotations

from typing import Any

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table


@click.command(epilog="\b\nExamples:\n  fashionbench show wardrobe/text-to-image\n  fashionbench show hit@k\n")
@click.argument("name")
@json_option
@pass_state
def show(state: State, /, *, name: str, as_json: bool) -> None:
    """Show one task (protocol card and hash), data set, backend, metric, board or published numbers."""
    from rich.table import Table

    from fashionbench.api.catalog import describe

    described = describe(name, state.plugins)
    if as_json:
        print_json(described[0] if len(described) == 1 else described)
        return
    for facts in described:
        table = Table(title=f"{facts['kind of thing']} {name}", show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for key, value in facts.items():
            if isinstance(value, dict):
                table.add_section()
                table.add_row(key, "")
                for inner, content in value.items():
                    table.add_row(f"  {inner}", _text(content))
                table.add_section()
            elif value not in ("", (), [], None):
                table.add_row(key, _text(value))
        print_table(table)


def _text(value: Any, between: str = "\n") -> str:
    """Write a list with one line an item, and what is inside an item on its line."""
    if isinstance(value, list):
        return between.join(_text(item, ", ") for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item, '; ')}" for key, item in value.items() if item not in ("", None, [], {}))
    return str(value)

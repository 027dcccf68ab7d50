"""``fashionbench show``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table

KINDS = ("tasks", "datasets", "backends", "metrics", "boards")


@click.command(epilog="\b\nExamples:\n  fashionbench show wardrobe/text-to-image\n  fashionbench show hit@k\n")
@click.argument("name")
@json_option
@pass_state
def show(state: State, /, *, name: str, as_json: bool) -> None:
    """Show one task (protocol card and hash), data set, backend, metric or board."""
    from rich.table import Table

    from fashionbench.errors import UnknownNameError

    registries = [getattr(state.plugins, kind) for kind in KINDS]
    found = [registry for registry in registries if name in registry]
    if not found:
        raise UnknownNameError("name", name, [n for registry in registries for n in registry.names()])
    described = [_describe(registry.kind, registry[name], str(registry.origin(name))) for registry in found]
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


def _describe(kind: str, spec: Any, origin: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind of thing": kind, "from": origin}
    for item in fields(spec):
        value = getattr(spec, item.name)
        if item.name == "protocol":
            facts["protocol hash"] = value.hash
            facts["protocol card"] = value.fields
        elif item.name == "licence" and not isinstance(value, str):
            facts["licence"] = {"id": value.id, "source": value.source, "usage": value.usage}
        elif item.name == "options":
            facts["options"] = dict(value)
        else:
            facts[item.name.replace("_", " ")] = _plain(value)
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items() if item not in ("", None))
    return str(value)

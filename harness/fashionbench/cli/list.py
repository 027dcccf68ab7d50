"""``fashionbench list``."""

from __future__ import annotations

from typing import Any

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table

KINDS = ("tasks", "datasets", "backends", "metrics", "trainers", "boards")


@click.command("list", epilog="\b\nExamples:\n  fashionbench list tasks\n  fashionbench list backends --json\n")
@click.argument("kind", type=click.Choice(KINDS))
@json_option
@pass_state
def list_(state: State, /, *, kind: str, as_json: bool) -> None:
    """List what is registered: tasks, datasets, backends, metrics, trainers or boards."""
    from rich.table import Table

    rows = [_row(kind, spec, state) for spec in getattr(state.plugins, kind)]
    if as_json:
        print_json(rows)
        return
    table = Table(title=f"{len(rows)} {kind}")
    for name in rows[0] if rows else ("id",):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)


def _row(kind: str, spec: Any, state: State) -> dict[str, Any]:
    registry = getattr(state.plugins, kind)
    more: dict[str, Any] = {}
    match kind:
        case "tasks":
            more = {"kind": spec.kind, "dataset": spec.dataset, "main metric": spec.main_metric}
        case "datasets":
            more = {"licence": spec.licence.id, "access": spec.access}
        case "backends":
            more = {"capabilities": ", ".join(sorted(spec.capabilities)), "extra": spec.extra}
        case "metrics":
            more = {"unit": spec.unit, "better": "higher" if spec.higher_is_better else "lower"}
        case "trainers":
            more = {"phases": ", ".join(spec.phases), "extra": spec.extra}
        case "boards":
            more = {"columns": len(spec.columns)}
    return {"id": spec.id, **more, "summary": spec.summary, "from": str(registry.origin(spec.id))}

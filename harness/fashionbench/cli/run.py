"""``fashionbench run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table, store_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.config import RunConfig
    from fashionbench.runner.executors.local import Runner

EXAMPLES = """
\b
Examples:
  fashionbench run quickstart
  fashionbench run my-run.yaml --store runs/today
  fashionbench run --task 'wardrobe/*' --backend control/random --backend baseline/colour-histogram
  fashionbench run quickstart --dry-run
"""


@click.command(epilog=EXAMPLES)
@click.argument("config", required=False)
@click.option("--task", "tasks", multiple=True, help="A task, or a pattern such as 'wardrobe/*'; may be repeated.")
@click.option("--backend", "backends", multiple=True, help="A backend, or a pattern; may be repeated.")
@click.option("--seed", "seeds", multiple=True, type=int, help="A seed; may be repeated.  [default: 0]")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many queries; the records are partial.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Fix the batch size instead of finding one.")
@click.option("--device", help="A torch device.  [default: the best that there is]")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option("--board", "board_name", help="Show this board afterwards.")
@click.option("--rerun", is_flag=True, help="Execute cells again that have a record.")
@click.option("--dry-run", is_flag=True, help="Say what would be run and what it may cost, and stop.")
@store_option
@json_option
@pass_state
def run(
    state: State,
    /,
    *,
    config: str | None,
    store: Path | None,
    rerun: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run tasks on backends, store one record a cell, and show the board.

    CONFIG is the name of a board, or a YAML file. What the store holds already is reused, so a run that was
    interrupted goes on where it stopped.
    """
    from fashionbench.progress import Bars
    from fashionbench.runner.executors.local import Runner
    from fashionbench.runner.plan import make_plan

    chosen = _config(config, options, state)
    opened = state.store(store)
    runner = Runner(make_plan(chosen, state.plugins), state.plugins, opened, rerun=rerun)
    if dry_run:
        _preview(runner, as_json=as_json)
        return 0
    with Bars(len(runner.plan.cells)) as bars:
        records = runner.run(bars)
    if as_json:
        print_json([record.model_dump(mode="json") for record in records])
    else:
        _report(records, chosen, state, opened)
    return 1 if any(record.status == "error" for record in records) else 0


def _config(name: str | None, options: dict[str, Any], state: State) -> RunConfig:
    from fashionbench.errors import ConfigError
    from fashionbench.runner.config import load_config, make_config

    fields: dict[str, Any] = load_config(name, state.plugins).model_dump() if name else {}
    fields |= {key: options[key] for key in ("tasks", "backends", "seeds") if options[key]}
    fields |= {key: options[key] for key in ("limit", "batch_size", "device") if options[key] is not None}
    if options["board_name"]:
        fields["board"] = options["board_name"]
    if "tasks" not in fields or "backends" not in fields:
        boards = ", ".join(state.plugins.boards.names())
        msg = "there is nothing to run"
        raise ConfigError(msg, remedy=f"name a board ({boards}) or a YAML file, or give --task and --backend")
    return make_config({**fields, "data": {**fields.get("data", {}), **state.roots(options["data"])}})


def _preview(runner: Runner, *, as_json: bool) -> None:
    from rich.table import Table

    rows = list(runner.preview())
    todo = [row for row in rows if not row.reused]
    known = [row.seconds for row in todo if row.seconds is not None]
    if as_json:
        cells = [
            {
                "task": row.cell.task.id,
                "backend": row.cell.backend.id,
                "seed": row.cell.seed,
                "options": row.cell.options,
                "items": row.items,
                "reused": row.reused,
                "seconds": row.seconds,
                "problem": row.problem,
            }
            for row in rows
        ]
        left_out = [{"task": g.task, "backend": g.backend, "reason": g.reason} for g in runner.plan.not_applicable]
        print_json({"cells": cells, "not_applicable": left_out})
        return
    table = Table(title=f"{len(rows)} cells, {len(todo)} to run")
    for name in ("task", "backend", "seed", "items", "state"):
        table.add_column(name, overflow="fold")
    for row in rows:
        guess = "no earlier run to guess from" if row.seconds is None else f"about {row.seconds:.0f} s"
        outcome = "reused" if row.reused else f"will fail: {row.problem}" if row.problem else guess
        items = "" if row.items is None else str(row.items)
        table.add_row(row.cell.task.id, row.cell.backend.id, str(row.cell.seed), items, outcome)
    print_table(table)
    for one in runner.plan.not_applicable:
        click.echo(f"left out: {one.backend} on {one.task}: {one.reason}")
    unknown = len(todo) - len(known)
    click.echo(f"cost: about {sum(known):.0f} s" + (f", and {unknown} cells that were never run" if unknown else ""))


def _report(records: Sequence[Record], config: RunConfig, state: State, store: Store) -> None:
    from fashionbench.cli.board import print_board, write_board

    if config.board:
        path = write_board(config.board, state, store)
        print_board(config.board, state, store)
        click.echo(f"board: {path}")
        return
    for record in records:
        name = f"{record.task.id} × {record.backend.id}"
        if record.error:
            click.echo(f"{name}: error: {record.error.message}")
            continue
        shown = ", ".join(f"{m.id} {m.value:.4g}" for m in record.metrics if m.slice == "all")
        click.echo(f"{name}: {shown}")
        for absent in record.absent:
            click.echo(f"{name}: {absent.id} is absent: {absent.reason}")
    click.echo(f"records: {store.root}")

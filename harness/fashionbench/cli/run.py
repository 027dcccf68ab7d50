"""``fashionbench run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fashionbench.cli.executor_options import chosen_executor, executor_options
from fashionbench.cli.options import (
    State,
    json_option,
    name_and_value,
    pass_state,
    print_json,
    print_table,
    store_option,
)
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.config import RunConfig
    from fashionbench.runner.driver import Preview
    from fashionbench.runner.plan import NotApplicable
    from fashionbench.specs import BoardSpec

#: How many findings on data and rights are printed after a run.
_FINDINGS = 8
#: Options that stand in the configuration under their own name.
_SETTINGS = ("limit", "batch_size", "embedding_dtype", "device")

EXAMPLES = """
\b
Examples:
  fashionbench run quickstart
  fashionbench run my-run.yaml --store runs/today
  fashionbench run --task 'wardrobe/*' --backend control/random --backend baseline/colour-histogram
  fashionbench run --task wardrobe/image-to-text --backend baseline/pocket-lit --option dimension=64
  fashionbench run --task 'wardrobe/*' --backend hf:models/my-clip --backend my_model.py:MyModel
  fashionbench run quickstart --dry-run
  fashionbench run quickstart --executor-option workers=2
  fashionbench run quickstart --shard 1/3 --store part-1
"""


@click.command(epilog=EXAMPLES)
@click.argument("config", required=False)
@click.option("--task", "tasks", multiple=True, help="A task, or a pattern such as 'wardrobe/*'; may be repeated.")
@click.option(
    "--backend", "backends", multiple=True, help="A backend, a pattern, hf:FOLDER or FILE.py:CLASS; may be repeated."
)
@click.option(
    "-o",
    "--option",
    "backend_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of every backend that has it, such as dimension=64; may be repeated.",
)
@click.option(
    "--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="A seed; may be repeated.  [default: 0]"
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many queries; the records are partial.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Fix the batch size instead of finding one.")
@click.option(
    "--embedding-dtype",
    type=click.Choice(["float32", "float16"]),
    help="Round embeddings to this type; files of large galleries are half as large in float16.  [default: float32]",
)
@click.option("--device", help="A torch device.  [default: the best that there is]")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option("--board", "board_name", help="Show this board afterwards.")
@click.option("--rerun", is_flag=True, help="Execute cells again that have a record.")
@executor_options
@click.option("--shard", metavar="I/N", help="Run only this part of the cells, counted from 1; see 'records merge'.")
@click.option("--dry-run", is_flag=True, help="Say what would be run and what it may cost, and stop.")
@store_option
@json_option
@pass_state
def run(
    state: State,
    /,
    *,
    config: str | None,
    store: str | Path | None,
    rerun: bool,
    shard: str | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Run tasks on backends, store one record a cell, and show the board.

    CONFIG is the name of a board, or a YAML file. What the store holds already is reused, so a run that was
    interrupted goes on where it stopped.
    """
    from fashionbench.api import runs
    from fashionbench.progress import Bars
    from fashionbench.runner.sharding import read_shard

    part = read_shard(shard)
    chosen = _config(config, options, state)
    opened = state.store(store)
    if dry_run:
        cells, not_applicable = runs.preview(chosen, store=opened, plugins=state.plugins, rerun=rerun, shard=part)
        _preview(cells, not_applicable, as_json=as_json)
        return 0
    runs.check_names(chosen, state.plugins)
    opened = state.made_store(store)
    with Bars(0) as bars:
        records = runs.run(
            chosen,
            store=opened,
            plugins=state.plugins,
            rerun=rerun,
            reporter=bars,
            second_process=True,
            shard=part,
        )
    if as_json:
        print_json([record.model_dump(mode="json") for record in records])
    else:
        _report(records, chosen, state, opened)
    empty = [record for record in records if record.is_empty]
    for record in empty:
        echo(f"warning: {record.task.id} × {record.backend.id} has no metric at all", err=True)
    return 1 if empty or any(record.status == "error" for record in records) else 0


def _config(name: str | None, options: dict[str, Any], state: State) -> RunConfig:
    from fashionbench.errors import ConfigError
    from fashionbench.runner.config import load_config, make_config

    fields: dict[str, Any] = load_config(name, state.plugins).model_dump() if name else {}
    fields |= {key: options[key] for key in ("tasks", "backends", "seeds") if options[key]}
    fields |= {key: options[key] for key in _SETTINGS if options[key] is not None}
    if options["board_name"]:
        fields["board"] = options["board_name"]
    if "tasks" not in fields or "backends" not in fields:
        boards = ", ".join(state.plugins.boards.names())
        msg = "there is nothing to run"
        raise ConfigError(msg, remedy=f"name a board ({boards}) or a YAML file, or give --task and --backend")
    configured = fields.get("executor", {})
    fields["executor"] = chosen_executor(configured, options["executor"], options["executor_options"])
    if options["backend_options"]:
        fields["backends"] = _with_options(fields["backends"], options["backend_options"], state)
    return make_config({**fields, "data": {**fields.get("data", {}), **state.roots(options["data"])}})


def _with_options(choices: Sequence[Any], pairs: Sequence[str], state: State) -> list[dict[str, Any]]:
    """Give options to the backends that have them.

    :raises ConfigError: where no backend of the run has an option.
    """
    from fashionbench.errors import ConfigError
    from fashionbench.runner.named_backends import named_backends
    from fashionbench.specs.validation import read_value

    split = (name_and_value(pair, "--option", "dimension=64") for pair in pairs)
    given = {name: read_value(text, f"--option {name}") for name, text in split}
    made: list[dict[str, Any]] = []
    taken: set[str] = set()
    for choice in choices:
        fields: dict[str, Any] = {"id": choice} if isinstance(choice, str) else dict(choice)
        before = fields.get("options", {})
        for spec in named_backends(fields["id"], {**before, **given}, state.plugins):
            known = {name: value for name, value in given.items() if name in spec.options}
            taken |= set(known)
            # An address stays as it is: the plan describes it again, with these options.
            backend = fields["id"] if ":" in fields["id"] else spec.id
            made.append({**fields, "id": backend, "options": {**before, **known}})
    strange = sorted(set(given) - taken)
    if strange:
        remedy = "'fashionbench show BACKEND' lists the options of a backend"
        raise ConfigError(f"no backend of this run has the option {', '.join(strange)}", remedy=remedy)
    return made


def _preview(rows: Sequence[Preview], not_applicable: Sequence[NotApplicable], *, as_json: bool) -> None:
    from rich.table import Table

    from fashionbench.cli.run_cost import cost_text
    from fashionbench.errors import counted

    todo = [row for row in rows if not row.reused]
    if as_json:
        cells = [
            {
                "task": row.cell.task.id,
                "backend": row.cell.backend.id,
                "seed": row.cell.seed,
                "options": dict(row.cell.options),
                "items": row.items,
                "reused": row.reused,
                "seconds": row.seconds,
                "trainings": dict(row.trainings),
                "problem": row.problem,
            }
            for row in rows
        ]
        left_out = [{"task": g.task, "backend": g.backend, "reason": g.reason} for g in not_applicable]
        print_json({"cells": cells, "not_applicable": left_out})
        return
    table = Table(title=f"{counted(len(rows), 'cell')}, {len(todo)} to run")
    for name in ("task", "backend", "seed", "items", "state"):
        table.add_column(name, overflow="fold")
    for row in rows:
        guess = "no earlier run to guess from" if row.seconds is None else f"about {row.seconds:.0f} s"
        outcome = "reused" if row.reused else f"will fail: {row.problem}" if row.problem else guess
        items = "" if row.items is None else str(row.items)
        table.add_row(row.cell.task.id, row.cell.backend.id, str(row.cell.seed), items, outcome)
    print_table(table)
    for one in not_applicable:
        echo(f"left out: {one.backend} on {one.task}: {one.reason}")
    echo(f"cost: {cost_text(rows)}")


def _report(records: Sequence[Record], config: RunConfig, state: State, store: Store) -> None:
    from fashionbench.api.boards import make_board, write_board
    from fashionbench.cli.board import print_board
    from fashionbench.files import stop_if_full

    lines = {f"{r.task.id}: {r.dataset.missing_line}": None for r in records if r.dataset and r.dataset.missing_line}
    lines |= {f"{r.task.id}: {fact}": None for r in records if r.dataset for fact in r.dataset.counted_facts}
    for line in lines:
        echo(line)
    said = dict.fromkeys(
        f"{r.task.id}: {finding.message}" for r in records for finding in r.policy if finding.kind != "data"
    )
    for line in list(said)[:_FINDINGS]:
        echo(line)
    if len(said) > _FINDINGS:
        echo(f"{len(said) - _FINDINGS} findings more are in the records")
    board = config.board or _board_of(records, state)
    if board is not None:
        # A board that has a name is the same whoever makes it.
        of_run = None if config.board else records
        made = make_board(board, store=store, plugins=state.plugins, run=of_run)
        print_board(made)
        try:
            paths = write_board(made, store=store, plugins=state.plugins)
        except OSError as error:  # such as of a store that may only be read
            stop_if_full(error)
            echo(f"warning: the board is not written: {error.strerror or error}", err=True)
        else:
            if paths:
                echo(f"board: {paths.get('html', next(iter(paths.values())))}")
    _say_what_failed(records)
    if not config.board:
        _say_what_is_absent(records)
        echo(f"records: {store.address}")


def _board_of(records: Sequence[Record], state: State) -> BoardSpec | None:
    """Make the board of what was run; None where nothing was that has metrics."""
    from fashionbench.boards.of_tasks import board_of_tasks

    names = dict.fromkeys(record.task.id for record in records if record.metrics)
    tasks = [state.plugins.tasks[name] for name in names if name in state.plugins.tasks]
    shown = [task for task in tasks if task.metrics]
    return board_of_tasks(shown) if shown else None


def _say_what_failed(records: Sequence[Record]) -> None:
    """Print each error once, with the cells that it ended and with what to do."""
    from fashionbench.errors import first_names

    errors: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.error:
            name = f"{record.task.id} × {record.backend.id}"
            errors.setdefault((record.error.message, record.error.remedy), []).append(name)
    for (message, remedy), names in errors.items():
        echo(f"{first_names(names, 2)}: error: {message}")
        if remedy:
            echo(f"  try: {remedy}")


def _say_what_is_absent(records: Sequence[Record]) -> None:
    """Print each reason why a metric is absent once, with the cells that it concerns."""
    from fashionbench.errors import first_names

    absent: dict[str, list[str]] = {}
    for record in records:
        for metric in record.absent:
            name = f"{record.task.id} × {record.backend.id}"
            absent.setdefault(f"{metric.id} is absent: {metric.reason}", []).append(name)
    for reason, names in absent.items():
        echo(f"{first_names(names, 2)}: {reason}")

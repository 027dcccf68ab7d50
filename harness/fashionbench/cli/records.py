"""``fashionbench records``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fashionbench.cli.merge import merge_records
from fashionbench.cli.options import State, json_option, pass_state, print_json, print_table, store_option
from fashionbench.cli.transfer import pull_records, push_records
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fashionbench.records.schema import Record


EXAMPLES = """
\b
Examples:
  fashionbench records list
  fashionbench records list --task 'wardrobe/*' --newest 5
  fashionbench records verify --store runs/today
"""


@click.group(epilog=EXAMPLES)
def records() -> None:
    """List, show, verify, merge, push, pull and invalidate the records of a store."""


records.add_command(merge_records, "merge")
records.add_command(push_records, "push")
records.add_command(pull_records, "pull")


@records.command("list")
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", help="Only of this task, or of those that a pattern fits."
)
@click.option("--backend", "backends", multiple=True, metavar="NAME", help="Only of this backend, or a pattern.")
@click.option("--status", type=click.Choice(["ok", "partial", "error"]), help="Only with this status.")
@click.option("--newest", type=click.IntRange(min=1), metavar="N", help="Only the last N.")
@click.option("--all", "everything", is_flag=True, help="Also those that were superseded or invalidated.")
@store_option
@json_option
@pass_state
def list_records(
    state: State,
    /,
    *,
    tasks: tuple[str, ...],
    backends: tuple[str, ...],
    status: str | None,
    newest: int | None,
    everything: bool,
    store: str | Path | None,
    as_json: bool,
) -> None:
    """List records, oldest first."""
    from rich.table import Table

    from fashionbench.api.stores import existing_store
    from fashionbench.canonical import short
    from fashionbench.errors import counted

    scan = existing_store(store, state.plugins).scan()
    chosen = list(scan.records if everything else scan.current())
    chosen = _fitting(chosen, "task", tasks, lambda record: record.task.id)
    chosen = _fitting(chosen, "backend", backends, lambda record: record.backend.id)
    chosen = [record for record in chosen if status in {None, record.status}][-(newest or 0) :]
    if as_json:
        print_json([record.model_dump(mode="json") for record in chosen])
        return
    table = Table(title=counted(len(chosen), "record"))
    for name in ("record", "task", "backend", "seed", "status", "ended"):
        table.add_column(name, overflow="fold")
    for r in chosen:
        status = f"invalidated: {scan.marks[r.record_id]}" if r.record_id in scan.marks else r.status
        row = (short(r.record_id), r.task.id, r.backend.id, str(r.decoding.seed), status, r.provenance.ended)
        table.add_row(*row)
    print_table(table)


def _fitting(
    records: list[Record], kind: str, patterns: tuple[str, ...], name_of: Callable[[Record], str]
) -> list[Record]:
    """Return the records whose name one of the patterns fits, all where there is no pattern.

    :raises UnknownNameError: where a pattern fits no record.
    """
    from fnmatch import fnmatchcase

    from fashionbench.errors import UnknownNameError

    known = {name_of(record) for record in records}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UnknownNameError(kind, pattern, known, where=" among these records")
    return [r for r in records if not patterns or any(fnmatchcase(name_of(r), pattern) for pattern in patterns)]


@records.command("show")
@click.argument("record_id")
@store_option
@pass_state
def show_record(state: State, /, *, record_id: str, store: str | Path | None) -> None:
    """Print one record as JSON; RECORD_ID may be the beginning of its id."""
    from fashionbench.api.stores import existing_store

    print_json(existing_store(store, state.plugins).get(record_id).model_dump(mode="json"))


@records.command("verify")
@click.option("--quick", is_flag=True, help="Check the files alone; compute no metric again.")
@store_option
@json_option
@pass_state
def verify_records(state: State, /, *, quick: bool, store: str | Path | None, as_json: bool) -> int:
    """Check every file of a store, and each value against its predictions; exit code 1 where one is wrong.

    Checked are checksums, names and folders of files, what supersedes or marks what, ranges of numbers, times, models
    and generated images, and the chain, which shows records and marks that were deleted. Metrics are computed again
    from the stored predictions. A file that no record names is said, and is no fault.
    """
    from collections import Counter

    from fashionbench.api.records import verify_records as check
    from fashionbench.errors import counted

    found = check(store, metrics=not quick, plugins=state.plugins)
    left_out = Counter(line.partition(": ")[2] for one in found.recomputed for line in one.left_out)
    if as_json:
        print_json(
            {
                "ok": found.ok,
                "records": len(found.records),
                "faults": [{"path": str(fault.path), "message": fault.message} for fault in found.faults],
                "notes": found.notes,
                "values_computed_again": sum(one.equal for one in found.recomputed),
                "values_left_out": dict(left_out),
            }
        )
        return 0 if found.ok else 1
    for fault in found.faults:
        echo(f"{fault.path}: {fault.message}")
    for note in found.notes:
        echo(f"note: {note}")
    for reason, count in left_out.items():
        echo(f"note: {counted(count, 'value')} not computed again: {reason}")
    if not quick:
        echo(f"computed again: {counted(sum(one.equal for one in found.recomputed), 'equal value')}")
    files = len({fault.path for fault in found.faults})
    echo(f"readable: {counted(len(found.records), 'record')}; damaged: {counted(files, 'file')}")
    return 0 if found.ok else 1


@records.command("scrub")
@store_option
@json_option
@pass_state
def scrub_records(state: State, /, *, store: str | Path | None, as_json: bool) -> int:
    """Take secrets, machine paths and control characters out of records that an earlier version wrote.

    Records that are changed, and all that follow them, get new ids; values and predictions stay. Ends with exit code 1,
    and changes nothing, where a file cannot be read.
    """
    from fashionbench.api.scrub import scrub
    from fashionbench.canonical import short
    from fashionbench.errors import counted

    made = scrub(store, plugins=state.plugins)
    if as_json:
        faults = [{"path": str(fault.path), "message": fault.message} for fault in made.faults]
        print_json({"changed": made.changed, "renamed": made.renamed, "faults": faults})
        return 1 if made.faults else 0
    for fault in made.faults:
        echo(f"{fault.path}: {fault.message}", err=True)
    for old, new in (made.changed | made.renamed).items():
        echo(f"{short(old)} is {short(new)} now" + (", with other texts" if old in made.changed else ""))
    cleaned = "nothing was changed" if made.faults else f"cleaned: {counted(len(made.changed), 'record')}"
    echo(cleaned)
    return 1 if made.faults else 0


@records.command("invalidate")
@click.argument("record_id")
@click.option("--reason", required=True, help="Why; it stays on file.")
@store_option
@pass_state
def invalidate_record(state: State, /, *, record_id: str, reason: str, store: str | Path | None) -> None:
    """Take a record out of every board; the record itself stays as it is."""
    from fashionbench.api.records import invalidate
    from fashionbench.canonical import short

    record = invalidate(record_id, reason, store=store, plugins=state.plugins)
    echo(f"invalidated {short(record.record_id)} ({record.task.id} × {record.backend.id})")

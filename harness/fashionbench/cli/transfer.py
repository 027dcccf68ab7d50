"""``fashionbench records push`` and ``fashionbench records pull``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import Place, State, json_option, new_folder_said, pass_state, print_json, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.merging import Conflict
    from fashionbench.records.store import Fault

PUSH = """
\b
Examples:
  fashionbench records push s3://bucket/results
  fashionbench records push s3://bucket/results --store runs/today
  fashionbench records push file:///srv/www/results
"""
PULL = """
\b
Examples:
  fashionbench records pull s3://bucket/results --into results
  fashionbench records pull https://host/results --into results
"""


@click.command(epilog=PUSH)
@click.argument("address")
@store_option
@json_option
@pass_state
def push_records(state: State, /, *, address: str, store: str | Path | None, as_json: bool) -> int:
    """Send the records of a store to ADDRESS, with all that they name.

    Every file of the store is checked first. What is there already is not sent again and not overwritten, so that a
    push that was interrupted goes on. Nothing is sent, and the exit code is 1, where a file is damaged or the two say
    different things of one cell. Credentials are those of the client library.
    """
    from fashionbench.api.transfers import push_records as push
    from fashionbench.errors import counted

    made = push(address, store=store, plugins=state.plugins, say=lambda line: echo(line, err=True))
    if as_json:
        sent = {"added": made.sent.added, "known": made.sent.known, "files": made.sent.files}
        print_json({"ok": made.ok, **sent, "bytes": made.sent.sent_bytes, **_wrong(made.sent.conflicts, made.faults)})
        return 0 if made.ok else 1
    _say_wrong(made.sent.conflicts, made.faults)
    if made.ok:
        files = f"{counted(made.sent.files, 'file')} of {made.sent.sent_bytes:,} bytes"
        echo(f"pushed {counted(made.sent.added, 'new record')}, {made.sent.known} known; sent {files}")
    else:
        echo("nothing was sent")
    return 0 if made.ok else 1


@click.command(epilog=PULL)
@click.argument("address")
@click.option("--into", required=True, type=Place(), help="The store that is written to.")
@json_option
@pass_state
def pull_records(state: State, /, *, address: str, into: str | Path, as_json: bool) -> int:
    """Bring the records of ADDRESS into a store of this machine, with all that they name.

    Each file is compared with its checksum when it arrives. Nothing is overwritten, and a pull that was interrupted
    goes on. Nothing is written, and the exit code is 1, where a record is damaged or the two say different things of
    one cell.
    """
    from fashionbench.api.transfers import pull_records as pull
    from fashionbench.errors import counted

    with new_folder_said(Path(into)):
        made = pull(address, into, plugins=state.plugins, say=lambda line: echo(line, err=True))
    if as_json:
        merged = {"added": made.merged.added, "known": made.merged.known}
        print_json({"ok": made.ok, **merged, **_wrong(made.merged.conflicts, made.faults)})
        return 0 if made.ok else 1
    _say_wrong(made.merged.conflicts, made.faults)
    if made.ok:
        echo(f"pulled into {into}: {counted(made.merged.added, 'new record')}, {made.merged.known} known")
    else:
        echo("nothing was written")
    return 0 if made.ok else 1


def _wrong(conflicts: Sequence[Conflict], faults: Sequence[Fault]) -> dict[str, object]:
    sides = [{"what": c.what, "sides": [{"store": where, "hash": said} for where, said in c.sides]} for c in conflicts]
    return {"conflicts": sides, "faults": [{"path": str(one.path), "message": one.message} for one in faults]}


def _say_wrong(conflicts: Sequence[Conflict], faults: Sequence[Fault]) -> None:
    for fault in faults:
        echo(f"{fault.path}: {fault.message}")
    for conflict in conflicts:
        echo(f"conflict: {conflict}")
    if conflicts:
        echo("  try: 'fashionbench records invalidate HASH --reason TEXT --store STORE' the one that is wrong")

"""``fashionbench records merge``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, json_option, new_folder_said, pass_state, print_json
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench records merge part-1 part-2 part-3 --into results
"""


@click.command(epilog=EXAMPLES)
@click.argument("stores", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--into", required=True, type=click.Path(path_type=Path), help="The store that is written to.")
@click.option("--quick", is_flag=True, help="Verify the files alone; compute no metric again.")
@json_option
@pass_state
def merge_records(state: State, /, *, stores: tuple[str | Path, ...], into: Path, quick: bool, as_json: bool) -> int:
    """Bring the records of several stores together in one, such as those of shards.

    Every store is verified first. Nothing is overwritten, and nothing is written where a file is damaged or two stores
    say different things of one cell, which are named with their hashes; exit code 1 then. A merge that was interrupted
    goes on.
    """
    from fashionbench.api.merging import merge_records as merge
    from fashionbench.errors import counted

    with new_folder_said(into):
        made = merge(stores, into, metrics=not quick, plugins=state.plugins, say=lambda line: echo(line, err=True))
    if as_json:
        print_json(
            {
                "ok": made.ok,
                "added": made.merged.added,
                "known": made.merged.known,
                "conflicts": [
                    {"what": one.what, "sides": [{"store": str(root), "hash": said} for root, said in one.sides]}
                    for one in made.merged.conflicts
                ],
                "notes": made.notes,
                "faults": [{"path": str(fault.path), "message": fault.message} for fault in made.faults],
            }
        )
        return 0 if made.ok else 1
    for fault in made.faults:
        echo(f"{fault.path}: {fault.message}")
    for conflict in made.merged.conflicts:
        echo(f"conflict: {conflict}")
    if made.merged.conflicts:
        echo("  try: 'fashionbench records invalidate HASH --reason TEXT --store STORE' the one that is wrong")
    for note in made.notes:
        echo(f"note: {note}")
    if made.ok:
        echo(f"merged into {into}: {counted(made.merged.added, 'new record')}, {made.merged.known} known")
    else:
        echo("nothing was written")
    return 0 if made.ok else 1

"""``fashionbench publish``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.job_summary import append_summary
from fashionbench.cli.options import State, new_folder_said, pass_state
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench publish --out site
  fashionbench publish quickstart my-board.yaml --out site --store results --store partner-results
  fashionbench publish my-board.yaml --as tables --out boards --check
"""


@click.command(epilog=EXAMPLES)
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the pages.")
@click.option(
    "--store",
    "stores",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    envvar="FASHIONBENCH_STORE",
    show_envvar=True,
    help="Folder of records; may be repeated.  [default: ./results]",
)
@click.option(
    "--as", "site", default="pages", show_default=True, help="pages, tables, or a plugin's way to write boards."
)
@click.option("--check", is_flag=True, help="Write nothing: fail where the folder is not what the records give.")
@click.option("--sample", default=5, show_default=True, type=click.IntRange(min=0), help="Records to compute again.")
@click.option("--seed", default=0, show_default=True, help="Another seed draws other records.")
@pass_state
def publish(
    state: State,
    /,
    *,
    boards: tuple[str, ...],
    out: Path,
    stores: tuple[Path, ...],
    site: str,
    check: bool,
    sample: int,
    seed: int,
) -> int:
    """Write leaderboards as a folder of pages, with a page behind each value.

    BOARD is a registered board or a YAML file; by default all registered boards that have records. The same records
    give the same files, byte for byte. In GitHub Actions the boards are also appended to the job's summary. Ends with
    exit code 1 where files of a store were damaged, and boards are incomplete.

    With --check nothing is written. Checksums of records and predictions are verified, values of a random sample of
    records are computed again from the stored predictions, and every file is compared; exit code 1 where anything
    differs.
    """
    from fashionbench.api.publication import publish as write
    from fashionbench.errors import counted

    if check:
        return _check(state, boards, out, stores, site, sample, seed)
    with new_folder_said(out):
        made = write(boards, out=out, stores=stores, site=site, plugins=state.plugins)
    append_summary("\n".join(texts["md"] for texts in made.downloads.values() if "md" in texts))
    faults = dict.fromkeys(fault for board in made.boards for fault in board.faults)
    for fault in faults:
        echo(f"incomplete: {fault.path} was left out: {fault.message}", err=True)
    said = f"{counted(len(made.boards), 'board')} and {counted(len(made.records), 'record')}"
    echo(f"wrote {said}: {out}")
    return 1 if faults else 0


def _check(
    state: State, boards: tuple[str, ...], out: Path, stores: tuple[Path, ...], site: str, size: int, seed: int
) -> int:
    from fashionbench.api.publication_check import check_publication
    from fashionbench.errors import counted, first_names

    found = check_publication(boards, out=out, stores=stores, site=site, size=size, seed=seed, plugins=state.plugins)
    lines = [f"damaged: {line}" for line in found.damaged]
    for one in found.recomputed:
        name = f"{one.record.task.id} × {one.record.backend.id}"
        lines += [f"computed otherwise: {name}: {line}" for line in one.differing]
        for line in one.left_out:
            echo(f"not computed again: {name}: {line}")
    lines += [f"stale: {line}" for line in found.stale]
    for line in lines:
        echo(line, err=True)
    values = sum(one.equal for one in found.recomputed)
    drawn = counted(len(found.recomputed), "record")
    said = f"{counted(len(found.publication.boards), 'board')}; {counted(values, 'value')} of {drawn} computed again"
    head = f"{out} is what the records give" if found.ok else f"{out} is not what the records give"
    append_summary("\n".join([f"**{head}** ({said})", "", *(f"- {line}" for line in lines)]) + "\n")
    echo(f"{head}: {said}")
    if found.stale:
        publish_anew = "fashionbench publish with the same arguments, without --check"
        if found.edited:
            moved = first_names([out / path for path in found.edited])
            echo(f"  try: move away {moved}, edited since it was published; then {publish_anew}", err=True)
        else:
            echo(f"  try: {publish_anew}", err=True)
    return 0 if found.ok else 1

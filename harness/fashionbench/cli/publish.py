"""``fashionbench publish``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, pass_state

EXAMPLES = """
\b
Examples:
  fashionbench publish --out site
  fashionbench publish quickstart my-board.yaml --out site --store results --store partner-results
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
@pass_state
def publish(state: State, /, *, boards: tuple[str, ...], out: Path, stores: tuple[Path, ...]) -> int:
    """Write leaderboards as a folder of pages, with a page behind each value.

    BOARD is a registered board or a YAML file; by default all registered boards that have records. The same records
    give the same files, byte for byte. Ends with exit code 1 where files of a store were damaged, and boards are
    incomplete.
    """
    from fashionbench.api.publication import publish as write
    from fashionbench.errors import counted

    made = write(boards, out=out, stores=stores, plugins=state.plugins)
    faults = dict.fromkeys(fault for board in made.boards for fault in board.faults)
    for fault in faults:
        click.echo(f"incomplete: {fault.path} was left out: {fault.message}", err=True)
    said = f"{counted(len(made.boards), 'board')} and {counted(len(made.records), 'record')}"
    click.echo(f"wrote {said}: {out / 'index.html'}")
    return 1 if faults else 0

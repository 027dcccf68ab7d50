"""``fashionbench export``."""

from __future__ import annotations

from pathlib import Path

import click

from fashionbench.cli.options import State, name_and_value, new_folder_said, pass_state, store_option
from fashionbench.terminal import echo

EXAMPLES = """
\b
Examples:
  fashionbench export bencher --out exports
  fashionbench export github-action-benchmark --board quickstart --out exports
  fashionbench export model-card --option site=https://example.org/boards --out exports
"""


@click.command(epilog=EXAMPLES)
@click.argument("format_", metavar="FORMAT")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--board", help="Only what this board shows: a registered board or a YAML file.")
@click.option("--option", "pairs", multiple=True, metavar="NAME=VALUE", help="What a format is told; may be repeated.")
@store_option
@pass_state
def export(
    state: State, /, *, format_: str, out: Path, board: str | None, pairs: tuple[str, ...], store: str | Path | None
) -> int:
    """Write the records of a store in the FORMAT of another tool.

    FORMAT is bencher, github-action-benchmark, hugging-face, model-card, mteb, every-eval-ever, or a plugin's. What a
    format has no place for is named. Ends with exit code 1 where files of the store were damaged and left out.
    """
    from fashionbench.api.exports import export as write

    options = dict(name_and_value(pair, "--option", "site=https://example.org/boards") for pair in pairs)
    with new_folder_said(out):
        paths, left_out, faults = write(format_, out, store=store, board=board, options=options, plugins=state.plugins)
    for path in paths:
        echo(f"wrote {path}")
    if not paths:
        echo("wrote nothing: the format has no place for any of these records", err=True)
    for line in left_out:
        echo(f"left out: {line}", err=True)
    for fault in faults:
        echo(f"incomplete: {fault.path} was left out: {fault.message}", err=True)
    return 1 if faults else 0

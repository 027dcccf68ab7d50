"""``fashionbench audit``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import (
    State,
    json_option,
    name_and_value,
    new_folder_said,
    pass_state,
    print_json,
    print_table,
    store_option,
)
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from fashionbench.records.audits import Audit

EXAMPLES = """
\b
Examples:
  fashionbench audit fashion-iq --root /data/fashioniq
  fashionbench audit fashion-iq --root /data/fashioniq --gallery-text dress=dress.json --gallery-text shirt=shirt.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("task")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The folder of the data set.")
@click.option(
    "--gallery-text",
    "texts",
    multiple=True,
    metavar="PART=FILE",
    help="A JSON object of image id and text that a method puts on the gallery's side; may be repeated.",
)
@store_option
@json_option
@pass_state
def audit(
    state: State, /, *, task: str, root: Path | None, texts: tuple[str, ...], store: str | Path | None, as_json: bool
) -> int:
    """Check a task's data without any model: counts, galleries, duplicates, and leaks through gallery-side text.

    TASK is a task, or a data set, which stands for its first task. Image files are not needed for composed retrieval.
    Ends with exit code 1 where there is a fault or a leak.
    """
    from fashionbench.api.data import audit as run_audit
    from fashionbench.errors import ConfigError

    files: dict[str, Path] = {}
    for pair in texts:
        part, name = name_and_value(pair, "--gallery-text", "dress=captions.json")
        if not Path(name).is_file():
            raise ConfigError(f"--gallery-text {pair!r} names no file", remedy="check the path")
        files[part] = Path(name)
    opened = state.store(store)
    with new_folder_said(opened.root):
        found = run_audit(task, root=root, gallery_text=files, store=opened, plugins=state.plugins)
    if as_json:
        print_json({**asdict(found), "sound": found.sound})
    else:
        _show(found)
    return 0 if found.sound else 1


def _show(found: Audit) -> None:
    from rich.table import Table

    for sheet in found.sheets:
        table = Table(title=sheet.title)
        for name in sheet.columns:
            table.add_column(name, overflow="fold")
        for row in sheet.rows:
            table.add_row(*row)
        print_table(table)
    for check in found.checks:
        sign = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}[check.level]
        echo(f"{sign} {check.name}" + (f": {check.detail}" if check.detail else ""))
    echo(f"verdict: {found.verdict}")

"""``fashionbench items``."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from fashionbench.cli.options import State, json_option, new_folder_said, pass_state, print_json, store_option
from fashionbench.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.task_items import TaskItems

EXAMPLES = """
\b
Examples:
  fashionbench items wardrobe/text-to-image
  fashionbench items fashion-iq/original --data fashion-iq=/data/fashioniq --template hits.json
  fashionbench items manifest/captioning --data manifest=my-data --template captions.jsonl
"""
#: How many ids of each slice are printed.
_SHOWN = 5


@click.command(epilog=EXAMPLES)
@click.argument("task")
@click.option("--data", "data", multiple=True, metavar="NAME=FOLDER", help="Where a data set lies; may be repeated.")
@click.option(
    "--template",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an empty file of predictions that 'fashionbench score' takes once it is filled in.",
)
@click.option("--all", "all_", is_flag=True, help="Print every id.")
@store_option
@json_option
@pass_state
def items(
    state: State,
    /,
    *,
    task: str,
    data: tuple[str, ...],
    template: Path | None,
    store: str | Path | None,
    all_: bool,
    as_json: bool,
) -> None:
    """List the ids that predictions of a task must name: queries and gallery, or images."""
    from fashionbench.api.data import task_items
    from fashionbench.output_files import check_output, write_output

    if template is not None:
        check_output(template)
    opened = state.store(store)
    with new_folder_said(opened.root):
        found = task_items(task, data=state.roots(data), plugins=state.plugins, store=opened)
    if template is not None:
        write_output(template, _template(found))
        where = "".join(f" --data {quote(folder)}" for folder in data)
        command = f"fashionbench score {task} --predictions {quote(str(template))}{where}"
        echo(f"wrote {template}: fill it in, then '{command}'")
        return
    if as_json:
        slices = {
            name: {"asked": list(ids), "gallery": list(found.gallery.get(name, ()))}
            for name, ids in found.asked.items()
        }
        print_json({"answer": found.answer, "slices": slices})
        return
    for name, ids in found.asked.items():
        _list(f"{name}: {len(ids)} to give a {found.answer} for", ids, all_=all_)
        if found.gallery.get(name):
            _list(f"{name}: a gallery of {len(found.gallery[name])}", found.gallery[name], all_=all_)


def _list(title: str, ids: Sequence[str], *, all_: bool) -> None:
    shown = ids if all_ else ids[:_SHOWN]
    echo("\n  ".join([title, *shown]))
    if len(shown) < len(ids):
        echo(f"  and {len(ids) - len(shown)} more: --all prints them")


def _template(found: TaskItems) -> str:
    """Write every id with nothing to answer it: JSON of rankings, JSON Lines of captions, a mapping of image files."""
    ids = [name for listed in found.asked.values() for name in listed]
    if found.answer == "caption":
        return "".join(json.dumps({"id": name, "caption": ""}, ensure_ascii=False) + "\n" for name in ids)
    empty: list[str] | str = [] if found.answer == "ranking" else ""
    return json.dumps(dict.fromkeys(ids, empty), indent=1, ensure_ascii=False) + "\n"

"""``fashionbench data``."""

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
from fashionbench.errors import first_names
from fashionbench.terminal import echo, progress, shown

if TYPE_CHECKING:
    from fashionbench.data.dataset import Status

SHOWN = 10
FAULTS = 20


@click.group(
    epilog="\b\nExamples:\n  fashionbench data status fashion-iq --root /data/fashioniq\n"
    "  fashionbench data verify viton-hd --root /data/zalando-hd-resized\n"
    "  fashionbench data make atelier --out /data/atelier\n"
)
def data() -> None:
    """See whether a data set is whole, and make the generated ones."""


_root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the data set.  [default: $FASHIONBENCH_DATA/NAME]",
)


@data.command("status")
@click.argument("name")
@_root_option
@json_option
@pass_state
def show_status(state: State, /, *, name: str, root: Path | None, as_json: bool) -> int:
    """Say what is there of a data set: missing and extra files, and counts against the published ones."""
    from fashionbench.api.data import data_status

    return _report(data_status(name, root=root, plugins=state.plugins), as_json=as_json)


@data.command("verify")
@click.argument("name")
@_root_option
@store_option
@json_option
@pass_state
def verify(state: State, /, *, name: str, root: Path | None, store: str | Path | None, as_json: bool) -> int:
    """Hash and decode every file too; ends with exit code 1 where the data set is not whole."""
    from fashionbench.api.data import data_status

    opened = state.store(store)
    with new_folder_said(opened.root), progress() as bars:
        bar = bars.add_task(shown(f"reading {name}"), total=None)
        status = data_status(
            name,
            root=root,
            verify=True,
            store=opened,
            plugins=state.plugins,
            expect=lambda count: bars.update(bar, total=count),
            advance=lambda count: bars.advance(bar, count),
        )
    return _report(status, as_json=as_json)


@data.command("make")
@click.argument("name")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder to write.")
@click.option("--seed", default=0, show_default=True, help="Another seed is another world.")
@click.option("--option", "options", multiple=True, metavar="NAME=NUMBER", help="A size, such as products=600.")
@pass_state
def make(state: State, /, *, name: str, out: Path, seed: int, options: tuple[str, ...]) -> None:
    """Write a generated data set in the layouts of the real ones."""
    from fashionbench.api.data import make_data
    from fashionbench.errors import ConfigError

    sizes: dict[str, int] = {}
    for pair in options:
        key, value = name_and_value(pair, "--option", "products=600")
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            raise ConfigError(f"--option {pair!r} is not NAME=NUMBER", remedy="such as --option products=600")
        sizes[key] = int(value)
    with new_folder_said(out), progress() as bars:
        bar = bars.add_task(shown(f"making {name}"), total=None)
        make_data(
            name,
            out,
            seed=seed,
            sizes=sizes,
            plugins=state.plugins,
            advance=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    echo(f"wrote {out}")


@data.command(
    "new",
    epilog="\b\nExamples:\n  fashionbench data new pairs --out my-data --images my-data/photos\n"
    "  fashionbench data new try-on --out my-data\n",
)
@click.argument("kind")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder of your data.")
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder in --out, or --out itself, each image of which becomes a row.",
)
@pass_state
def new(state: State, /, *, kind: str, out: Path, images: Path | None) -> None:
    """Write a manifest of your own data to fill in.

    KIND is pairs (images with texts), images (photos by group), triplets (composed queries), try-on or design.
    """
    from fashionbench.api.data import new_data

    with new_folder_said(out):
        path = new_data(kind, out, images=images, plugins=state.plugins)
    echo(f"wrote {path}: fill it in, then 'fashionbench data check {out}'")


@data.command("check", epilog="\b\nExamples:\n  fashionbench data check my-data\n")
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--all", "all_", is_flag=True, help=f"Print every fault, not the first {FAULTS} alone.")
@json_option
@pass_state
def check(state: State, /, *, root: Path, all_: bool, as_json: bool) -> int:
    """Explain each row of your own manifest that is wrong; ends with exit code 1 where one is."""
    from fashionbench.api.data import check_data

    faults = check_data(root, plugins=state.plugins)
    if as_json:
        print_json(faults)
        return 1 if faults else 0
    for fault in faults if all_ else faults[:FAULTS]:
        echo(fault)
    if len(faults) > FAULTS and not all_:
        echo(f"{len(faults) - FAULTS} faults more: --all prints them")
    if not faults:
        echo("every row is right")
    return 1 if faults else 0


@data.command("index", epilog="\b\nExamples:\n  fashionbench data index my-data/shards\n")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def index(*, folder: Path) -> None:
    """Write the index of every tar shard below FOLDER beside it, so that runs need not read its headers."""
    from fashionbench.api.data import index_shards
    from fashionbench.errors import counted

    written = index_shards(folder)
    echo(f"indexed {counted(sum(written.values()), 'file')} in {counted(len(written), 'shard')}")


def _report(found: Status, *, as_json: bool) -> int:
    if as_json:
        print_json({**asdict(found), "whole": found.whole})
        return 0 if found.whole else 1
    from rich.table import Table

    table = Table(title=f"{found.dataset} at {found.root}" + (" (a generated twin)" if found.synthetic else ""))
    for name in ("count", "found", "published", ""):
        table.add_column(name, justify="right" if name in {"found", "published"} else "left")
    for name, (here, published) in found.counts.items():
        verdict = "" if published is None else "ok" if here == published else "differs"
        table.add_row(name, str(here), "" if published is None else str(published), verdict)
    print_table(table)
    echo(f"images: {found.images - len(found.missing)} of {found.images} are there")
    for what, names in (("missing", found.missing), ("extra", found.extra), ("unreadable", tuple(found.unreadable))):
        if names:
            echo(f"{what}: {len(names)}: {first_names(names, SHOWN)}")
    if found.fingerprint:
        echo(f"fingerprint: {found.fingerprint}")
    echo("whole" if found.whole else "not whole")
    return 0 if found.whole else 1

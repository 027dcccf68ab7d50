"""Generate Atelier on disk, atomically: a folder is whole or not there."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.data.dataset import mark_twin
from fashionbench.errors import ConfigError, DataError, FashionBenchError
from fashionbench.interrupts import watched
from fashionbench_atelier.layouts import (
    cirr,
    dress_code,
    fashion200k,
    fashion_iq,
    fashion_iq_cap,
    fashiongen,
    hp_fashion_iq,
    lookbench,
    manifest_pairs,
    manifest_triplets,
    manifest_try_on,
    mbeir,
    oacirr,
    openvton,
    polyvore,
    style_transfer,
    viton_hd,
)
from fashionbench_atelier.layouts.folder_hash import fingerprint
from fashionbench_atelier.layouts.product_photos import photo_jobs
from fashionbench_atelier.layouts.source import LayoutSource
from fashionbench_atelier.manifest import DATASET_ID, NAME, VERSION, TwinManifest, read_manifest
from fashionbench_atelier.target import remove_dead, target_folder, work_folder
from fashionbench_atelier.workers import run_jobs
from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fashionbench_atelier.layouts.source import Job, Layout, PeopleLayout, PhotoLayout

SIZES: Mapping[str, int] = {"products": 6000, "people": 500, "outfits": 600, "h5": 0}
"""What a folder is made of, with what is taken where nothing is said; ``h5=1`` adds FashionGen's HDF5 files."""

#: More than a disk or a day takes.
_MOST = {"products": 2_000_000, "people": 200_000, "outfits": 2_000_000, "processes": 1024}
_LEAST = {"products": 24, "people": 4, "outfits": 0, "h5": 0}
_PHOTO_LAYOUTS: tuple[PhotoLayout, ...] = (
    fashion_iq,
    cirr,
    fashiongen,
    fashion200k,
    mbeir,
    polyvore,
    manifest_pairs,
    manifest_triplets,
    oacirr,
)
_PEOPLE_LAYOUTS: tuple[PeopleLayout, ...] = (viton_hd, dress_code)
_LAYOUTS: tuple[Layout, ...] = (
    *_PHOTO_LAYOUTS,
    *_PEOPLE_LAYOUTS,
    manifest_try_on,
    fashion_iq_cap,
    hp_fashion_iq,
    lookbench,
    openvton,
    style_transfer,
)


def make(out: Path, seed: int, sizes: Mapping[str, int], advance: Callable[[int, int], object]) -> None:
    """Write every layout below a folder.

    The same seed and sizes give the same files, however many processes draw. A folder that holds them already is left
    as it is.

    :param sizes: ``products``, ``people``, ``outfits``, ``h5`` (0 or 1), and ``processes`` (by default the cores).
    :param advance: called with the number of finished pieces of work and of all of them.
    :raises ConfigError: a size is unknown or too small.
    :raises DataError: the folder holds something else.
    """
    processes, chosen = _chosen(sizes, seed)
    out = target_folder(out)
    if _is_there(out, seed, chosen):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_dead(out)
    work = work_folder(out)
    try:
        _fill(work, seed, chosen, processes, advance)
        work.chmod(0o755)
        _move(work, out, seed, chosen)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _chosen(sizes: Mapping[str, int], seed: int) -> tuple[int, dict[str, int]]:
    known = [*SIZES, "processes"]
    for name, size in sizes.items():
        if name not in known:
            raise ConfigError(f"atelier has no size {name!r}", remedy=f"known sizes are {', '.join(known)}")
        least = _LEAST.get(name, 1)
        if size < least:
            raise ConfigError(f"atelier: {name} is {size}", remedy=f"give a number from {least} upwards")
        if size > _MOST.get(name, size):
            raise ConfigError(f"atelier: {name} is {size}", remedy=f"give a number up to {_MOST[name]:,}")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"atelier: the seed is {seed}", remedy="give a number from 0 to 2^63 - 1")
    if sizes.get("h5", 0) > 1:
        raise ConfigError(f"atelier: h5 is {sizes['h5']}", remedy="give 1 to have the HDF5 files, or 0")
    return sizes.get("processes", os.cpu_count() or 1), {name: sizes.get(name, size) for name, size in SIZES.items()}


def _is_there(out: Path, seed: int, sizes: Mapping[str, int]) -> bool:
    """Tell whether a folder holds what is to be made.

    :raises DataError: it holds something else, or not all of it.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    remedy = f"choose another folder, or remove {out}"
    if not (out / NAME).is_file():
        raise DataError(f"{out} is there and is no Atelier", remedy=remedy)
    manifest = read_manifest(out)
    if not manifest.same(seed, sizes):
        held = ", ".join(f"{name}={size}" for name, size in manifest.sizes.items())
        raise DataError(
            f"{out} holds an Atelier of version {manifest.version}, seed {manifest.seed}, {held}", remedy=remedy
        )
    count = sum(path.is_file() for path in out.rglob("*")) - 1
    if count != manifest.files:
        raise DataError(f"{out} has {count} files, and was made with {manifest.files}", remedy=remedy)
    return True


def _fill(
    root: Path, seed: int, sizes: Mapping[str, int], processes: int, advance: Callable[[int, int], object]
) -> None:
    world = World(seed, sizes["products"], sizes["people"], sizes["outfits"])
    source = LayoutSource(world)
    jobs: list[Job] = [job for layout in _PEOPLE_LAYOUTS for job in layout.person_jobs(source, root)]
    jobs += photo_jobs(source, _PHOTO_LAYOUTS, root)
    jobs += style_transfer.garment_jobs(source, root)
    for done, _ in enumerate(run_jobs(world, jobs, _run, processes), 1):
        advance(done, len(jobs) + 1)
    for layout in _LAYOUTS:
        layout.write(source, root)
    if sizes["h5"]:
        fashiongen.write_h5(source, root)
    for folder in (root, *(path for path in root.iterdir() if path.is_dir())):
        mark_twin(folder, DATASET_ID, seed)
    count, contents = fingerprint(root)
    TwinManifest(VERSION, seed, sizes, count, contents).write(root)
    advance(len(jobs) + 1, len(jobs) + 1)


def _run(world: World, job: Job) -> None:
    job.run(world)


def _move(work: Path, out: Path, seed: int, sizes: Mapping[str, int]) -> None:
    """Move a finished folder into place; where another process was faster, its folder stays."""
    try:
        work.replace(out)
    except OSError:
        if not _is_there(out, seed, sizes):
            raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a folder from the command line: its path, ``--seed``, and sizes as NAME=NUMBER."""
    parser = argparse.ArgumentParser(
        prog="python -m fashionbench_atelier.generate",
        description="Write Atelier, a generated fashion world, in the layouts of the field's data sets.",
        epilog="example: python -m fashionbench_atelier.generate /data/atelier products=600 people=80",
    )
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("sizes", nargs="*", metavar="NAME=NUMBER", help=f"of {', '.join(SIZES)}, processes")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another world (default: 0)")
    options = parser.parse_intermixed_args(arguments)
    sizes: dict[str, int] = {}
    for pair in options.sizes:
        name, _, number = pair.partition("=")
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            parser.error(f"{pair!r} is not NAME=NUMBER")
        sizes[name] = int(number)
    try:
        with watched():
            make(options.out, options.seed, sizes, lambda _, __: None)
    except FashionBenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

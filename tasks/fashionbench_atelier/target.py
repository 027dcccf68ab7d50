"""The folder that a data set is made in: tested before the first picture, and cleaned of what dead runs left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fashionbench.errors import DataError
from fashionbench.temporaries import of_dead, temporary_name


def target_folder(out: Path) -> Path:
    """Return the real place of a folder that is to be made, where links are followed.

    :raises DataError: where a finished folder could not be moved there, which would be seen after hours.
    """
    try:
        place = Path(os.path.realpath(out))
        inside = os.path.commonpath([place, Path.cwd()]) == str(place)
        state = place.lstat() if place.is_symlink() or place.exists() else None
    except OSError as error:
        raise DataError(f"{out} cannot be made: {error.strerror}", remedy="choose another folder") from error
    if inside and state is not None:
        raise DataError(f"{out} is the folder where you stand, or above it", remedy="name a folder in it")
    if state is not None and place.is_symlink():
        raise DataError(f"{out} is a link that leads to itself", remedy="remove it, or choose another folder")
    if state is not None and not place.is_dir():
        raise DataError(f"{out} is a file", remedy="choose another folder")
    if place.is_mount():
        raise DataError(f"{out} is a mount point, which no folder can be moved to", remedy="name a folder in it")
    return place


def work_folder(out: Path) -> Path:
    """Make a folder beside the target, with the number of this process in its name.

    :raises DataError: where nothing can be written there.
    """
    work = out.parent / temporary_name(out.name)
    try:
        work.mkdir(mode=0o700)
    except OSError as error:
        msg = f"nothing can be written beside {out}: {error.strerror}"
        raise DataError(msg, remedy="choose another folder, or set its permissions") from error
    return work


def remove_dead(out: Path) -> None:
    """Remove the work folders of runs on this machine that were killed."""
    for path in out.parent.iterdir():
        if of_dead(path, out.name):
            shutil.rmtree(path, ignore_errors=True)

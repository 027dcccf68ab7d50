"""Put records that were written anew in the place of those of a store, so that a process may be killed at any step.

The new files lie in a folder that gets its name in one step once they are all there. From then on, whoever opens the
store finishes what a killed process began.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fashionbench.locks import locked
from fashionbench.records.chain import FILE

if TYPE_CHECKING:
    from pathlib import Path

#: What is put in place, each in one step.
_PARTS = ("records", "marks", FILE)
#: The folder of new files that are all there.
_READY = ".scrub-ready"
#: What a lock is held for.
WORK = "scrub of records"


def swap(root: Path, work: Path) -> None:
    """Put the files of ``work/new`` in the place of those of a store, whose lock the caller holds."""
    for name in _PARTS:  # also what is empty now, for what is absent is in place already
        place = work / "new" / name
        if not place.exists():
            place.touch() if name == FILE else place.mkdir()
    (work / "old").mkdir()
    work.replace(root / _READY)
    _finish(root)


def finish_swap(root: Path) -> None:
    """Finish what a killed process began; where there is nothing to finish, do nothing.

    :raises LockedError: where that process still runs.
    :raises OSError: where the store cannot be written.
    """
    if (root / _READY).is_dir():
        with locked(root, WORK):
            finish_locked(root)


def finish_locked(root: Path) -> None:
    """Do as :func:`finish_swap` where the caller holds the lock."""
    if (root / _READY).is_dir():
        _finish(root)


def _finish(root: Path) -> None:
    ready = root / _READY
    for name in _PARTS:
        new, old, place = ready / "new" / name, ready / "old" / name, root / name
        if new.exists():
            if place.exists() and not old.exists():
                place.replace(old)
            new.replace(place)
    shutil.rmtree(ready)

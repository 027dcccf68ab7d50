"""Locate captioned images: the user's COCO or Flickr30k, or the generated scenes, made when they are first needed."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.files import expanded
from fashionbench_tasks.datasets.karpathy import Karpathy
from fashionbench_tasks.scenes.generate import FILE, make
from fashionbench_tasks.scenes.world import DATASET_ID, VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

SEED = 0


def karpathy(spec: TaskSpec, roots: DataRoots) -> Karpathy:
    """Open the data set of a task; its option ``file`` says whose splits are read, ``coco`` or ``flickr30k``.

    :raises DataError: where the user has not said where a real data set lies.
    """
    root = scenes_root(roots) if spec.dataset == DATASET_ID else roots.require(spec.dataset, "")
    return Karpathy(root, str(spec.options["file"]))


def scenes_root(roots: DataRoots) -> Path:
    """Return the root of the scenes; where the user named none, draw them beside the cache, which takes a second.

    Two processes may do so at once: the first one to finish is kept.
    """
    named = roots.find(DATASET_ID)
    if named is not None:
        return named
    base = expanded("~/.cache/fashionbench") if roots.cache is None else roots.cache.parent
    root = base / f"{DATASET_ID}-{VERSION}-{SEED}"
    if not (root / FILE).is_file():
        sys.stderr.write(f"drawing the generated scenes, once, at {root}\n")
        # Another process may have drawn them meanwhile.
        with contextlib.suppress(DataError, OSError):
            make(root, SEED, {}, lambda _done, _total: None)
        if not (root / FILE).is_file():
            raise DataError(f"the scenes could not be drawn at {root}", remedy="see that there is room on the disk")
    return root

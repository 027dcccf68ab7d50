"""Root folder of a task's data set: the user's folder, or the generated twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.locate import atelier_root

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

#: Data sets that are further files to another one, and lie in its folder where they have none of their own.
BESIDE = {"fashion-iq-cap": "fashion-iq", "hp-fashion-iq": "fashion-iq", "mgd": "viton-hd"}


def place(spec: TaskSpec, roots: DataRoots) -> Path:
    """Return the root folder of a task's data set; the twin is made where it is missing.

    :raises DataError: where the user has not said where a real data set lies.
    """
    folder = spec.options.get("atelier")
    if folder is not None:
        return atelier_root(roots) / str(folder)
    return roots.require(spec.dataset, BESIDE.get(spec.dataset, ""))

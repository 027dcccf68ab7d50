"""Where the data of a task lie: a user's folder, or the generated twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_tasks.atelier.home import atelier_root

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def place(spec: TaskSpec, roots: DataRoots) -> Path:
    """Return the root folder of a task's data set; the twin is made where it is missing.

    :raises DataError: where the user has not said where a real data set lies.
    """
    folder = spec.options.get("atelier")
    return roots.require(spec.dataset) if folder is None else atelier_root(roots) / str(folder)


def cache_file(spec: TaskSpec, roots: DataRoots) -> Path | None:
    """Return the file that remembers the survey of a task's data, or None where nothing is remembered."""
    return None if roots.cache is None else roots.cache / f"{spec.id.replace('/', '__')}.json"

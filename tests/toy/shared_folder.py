"""A folder that one worker of pytest-xdist fills, and that the others wait for and read."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from cached_twin import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def shared_folder(factory: pytest.TempPathFactory, fill: Callable[[Path], object]) -> Path:
    """Return a folder of this run of pytest, one for each function that fills one; tests do not change it.

    :param fill: fills an empty folder; where it raises, the next worker tries again.
    """
    # Not a name that a test gives: two files that gave the same would read each other's folder.
    name = f"{fill.__module__}.{fill.__qualname__}".replace("<locals>.", "")
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, whole = base / f"shared-{name}", base / f"shared-{name}.whole"
    with locked(base / f"shared-{name}.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            whole.touch()
    return folder

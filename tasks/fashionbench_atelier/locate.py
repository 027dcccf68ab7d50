"""Locate the generated twin: the folder that the user named, or a small one, generated when it is first needed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.files import expanded
from fashionbench_atelier.manifest import NAME, VERSION, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.roots import DataRoots

SEED = 0
SMALL: Mapping[str, int] = {"products": 480, "people": 100, "outfits": 240}
"""Sizes of the twin that is made unasked."""


def atelier_root(roots: DataRoots) -> Path:
    """Return the root of the twin; without one, make the small one beside the cache, which takes some seconds.

    Two processes may do so at once: each makes its own, and the first one to finish is kept.

    :raises DataError: where the user named a folder that is no whole Atelier, or making one failed.
    """
    named = roots.find("atelier")
    if named is not None:
        read_manifest(named)
        return named
    base = expanded("~/.cache/fashionbench") if roots.cache is None else roots.cache.parent
    root = base / f"atelier-{VERSION}-{SEED}"
    if not (root / NAME).is_file():
        sys.stderr.write(f"making the generated twin, once, at {root}\n")
        _make(root)
    return root


def _make(root: Path) -> None:
    """Make the small twin in an interpreter of its own.

    Worker processes import the main module of their parent again; a user's script need not be fit for that.
    """
    command = [sys.executable, "-P", "-m", "fashionbench_atelier.generate", str(root), "--seed", str(SEED)]
    command += [f"{name}={size}" for name, size in SMALL.items()]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last_line = done.stderr.strip().rpartition("\n")[2]
        raise DataError(
            f"the twin could not be made at {root}: {last_line}", remedy="see that there is room on the disk"
        )

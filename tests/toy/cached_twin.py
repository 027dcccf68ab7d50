"""Generated twins that are rendered once, and kept in pytest's cache for later runs and other workers."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import fashionbench_atelier
from fashionbench.errors import DataError
from fashionbench_atelier.generate import make
from fashionbench_atelier.layouts.folder_hash import fingerprint
from fashionbench_atelier.manifest import NAME, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

#: Libraries whose releases may change pixels or files.
_LIBRARIES = ("pillow", "numpy", "pyarrow", "h5py")
# A seed whose small world has what is rare: a missing photo, an empty caption, a person without a partner, a duplicate.
SEED = 39
SIZES = {"products": 180, "people": 50, "outfits": 120, "h5": 1}


def cached_twin(config: pytest.Config, seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> Path:
    """Return a folder with a twin; tests do not change it.

    The name of the folder is a hash of the generator's sources, of the libraries that it draws with, and of seed and
    sizes. A folder whose files are not those that it was made with is thrown away and rendered again.
    """
    state = hashlib.sha256(json.dumps([seed, dict(sizes), *map(version, _LIBRARIES)]).encode())
    sources = Path(fashionbench_atelier.__file__).parent
    for path in sorted(sources.rglob("*.py")):
        state.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes())
    root = config.cache.mkdir("atelier") / state.hexdigest()[:16]
    with locked(root.with_suffix(".lock")):
        if root.exists() and not _whole(root):
            shutil.rmtree(root)
        make(root, seed, sizes, lambda done, total: None)
    return root


def _whole(root: Path) -> bool:
    try:
        manifest = read_manifest(root)
    except DataError:
        return False
    return fingerprint(root, lambda path: path.name != NAME) == (manifest.files, manifest.fingerprint)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let other workers wait for the one that renders; without file locks, both render, and one result stays."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""Hash the code that a target stands for, without importing it.

A cell is reused when nothing that decides its numbers has changed, and code decides numbers. The hash is over the
Python files of the target's top-level package, so that an edit to a model is never answered with the numbers of the
model before.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fashionbench.canonical import digest


def source_digest(target: str) -> str:
    """Hash the top-level package, or module, that holds a target; ``unknown`` where its files cannot be found."""
    return _package_digest(target.partition(":")[0].partition(".")[0])


@lru_cache(maxsize=256)
def _package_digest(package: str) -> str:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return "unknown"
    if spec is None:
        return "unknown"
    files: dict[str, str] = {}
    if spec.submodule_search_locations:
        for location in spec.submodule_search_locations:
            root = Path(location)
            files |= {path.relative_to(root).as_posix(): _file(path) for path in sorted(root.rglob("*.py"))}
    elif spec.origin and spec.has_location:
        files[package] = _file(Path(spec.origin))
    return digest(files) if files else "unknown"


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

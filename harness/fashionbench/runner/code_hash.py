"""Hash of the code behind a target: the modules that it imports within its own distribution, and their data files.

A cell is reused when nothing that decides its numbers has changed, and code decides numbers. The hash covers the file
of the target's module, every module that it imports, directly or through others, from packages of the same
distribution, the ``__init__`` files on the way, and the data files (recipes, presets, YAML, packaged images) of each
package that is visited. What a module imports for type checking alone is left out, and so is what it imports from
other distributions: their versions are in the provenance. The core's own modules are left out too: they have a
declared :data:`MEASUREMENT_VERSION`. Imports are read from the source, so nothing is executed; a module that is
imported by a computed name is not seen.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from fashionbench.canonical import digest
from fashionbench.files import sha256
from fashionbench.plugins.source_imports import imports, with_parents
from fashionbench.records.provenance import distributions

#: Raised when a change of the core changes predictions: batching, decoding, ranking, what is handed to a backend, and
#: what backends take from the core, such as packaged encoders and the warp of a garment.
MEASUREMENT_VERSION = "2"

_CORE = "fashionbench"
_NO_DATA = {".py", ".pyc", ".pyi", ".typed"}


def code_hash(target: str) -> str:
    """Hash the code behind ``"module:attribute"``; ``unknown`` where the module has no source file."""
    return _module_hash(target.partition(":")[0])


@lru_cache(maxsize=1024)
def _module_hash(module: str) -> str:
    packages = _siblings(module.partition(".")[0])
    visited: dict[str, str] = {}
    to_visit = [*with_parents(module)]
    while to_visit:
        name = to_visit.pop()
        path = _source_file(name)
        if name in visited or path is None:
            continue
        visited[name] = sha256(path)
        if path.name == "__init__.py":
            visited |= {f"{name}/{data}": sha256(path.parent / data) for data in _data_files(path.parent)}
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for imported in imports(path, package):
            if imported.partition(".")[0] in packages:
                to_visit += with_parents(imported)
    return digest(visited) if visited else "unknown"


@lru_cache(maxsize=64)
def _siblings(package: str) -> frozenset[str]:
    """Return the top-level packages of the distribution that a package belongs to, without the core."""
    known = distributions(package)
    owners = set(known.get(package, ()))
    same = {name for name, others in known.items() if owners & set(others)}
    return frozenset((same | {package}) - ({_CORE} if package != _CORE else set()))


@lru_cache(maxsize=4096)
def _source_file(module: str) -> Path | None:
    """Find the source file of a module by its path below the top-level package, without importing anything."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not spec.submodule_search_locations:
        return Path(spec.origin) if spec.origin and spec.has_location and not rest else None
    for location in spec.submodule_search_locations:
        base = Path(location).joinpath(*rest)
        for path in (base / "__init__.py", base.with_suffix(".py") if rest else base):
            if path.is_file():
                return path
    return None


def _data_files(package: Path) -> list[str]:
    """List the data files of a package, without those of the packages below it."""
    found: list[str] = []
    folders = [package]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.is_dir():
                if path.name != "__pycache__" and not (path / "__init__.py").is_file():
                    folders.append(path)
            elif path.suffix not in _NO_DATA and not path.name.startswith("."):
                found.append(path.relative_to(package).as_posix())
    return sorted(found)

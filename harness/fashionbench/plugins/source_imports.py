"""What a Python source file imports when it runs, read from its syntax tree without executing it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.files import regular_bytes, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def imports(path: Path, package: str) -> Iterator[str]:
    """Yield the names that a module imports when it runs; of ``from a import b``, both ``a`` and ``a.b``.

    :param package: the package that relative imports start from; empty for a file that lies in none.
    """
    for node in _executed(ast.parse(regular_bytes(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def with_parents(module: str) -> Iterator[str]:
    """Yield a module and the packages that it lies in; importing it executes them."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def script_hash(script: Path) -> str:
    """Hash a Python file together with the files of its own folder that it imports, directly or through others."""
    folder = script.parent
    visited: dict[str, str] = {}
    to_visit = [script]
    while to_visit:
        path = to_visit.pop()
        name = path.relative_to(folder).as_posix()
        if name in visited:
            continue
        visited[name] = sha256(path)
        package = ".".join(path.relative_to(folder).parent.parts)
        for imported in imports(path, package):
            for module in with_parents(imported):
                base = folder.joinpath(*module.split("."))
                to_visit += [p for p in (base.with_suffix(".py"), base / "__init__.py") if module and p.is_file()]
    return digest(visited)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a syntax tree without what stands under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for other in node.orelse:
                yield other
                yield from _executed(other)
            continue
        yield node
        yield from _executed(node)

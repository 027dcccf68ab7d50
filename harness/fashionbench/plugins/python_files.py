"""A class in a Python file as a backend: the address ``path/to/file.py:Class``."""

from __future__ import annotations

import importlib.util
import re
import sys
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import short
from fashionbench.errors import PluginError, as_error, did_you_mean, text_of
from fashionbench.files import expanded
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.python_backends import PythonBackend
from fashionbench.plugins.source_imports import script_hash
from fashionbench.specs.capabilities import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType

    from fashionbench.specs.backend import BackendSpec
    from fashionbench.specs.capabilities import BackendContext

_ADDRESS = re.compile(r"(?P<file>.+\.py):(?P<attribute>\w*)")


class PythonFiles:
    """A plugin that reads backends from Python files, and keeps those that it has read."""

    def __init__(self) -> None:
        self._backends: dict[str, PythonBackend] = {}

    @hookimpl
    def describe_backend(self, address: str, options: Mapping[str, Any]) -> BackendSpec | None:  # noqa: ARG002
        """Import the file and describe the class; None for an address of another form."""
        matched = _ADDRESS.fullmatch(address)
        if matched is None:
            return None
        path = expanded(matched["file"])
        if not path.is_file():
            raise PluginError(f"{path}, where a backend was to be read from, is not a file", remedy="check its path")
        module = _imported(path.resolve())
        found = getattr(module, matched["attribute"], None) if matched["attribute"] else None
        if found is None:
            backends = [name for name, value in vars(module).items() if _is_backend(value, module)]
            hint = did_you_mean(matched["attribute"], backends) if matched["attribute"] else ""
            listed = ", ".join(backends) or "none: a backend is a class with methods such as encode_images"
            msg = f"{path} has no class {matched['attribute']!r}{hint}"
            raise PluginError(msg, remedy=f"name a class after the colon; backends in that file: {listed}")
        described = PythonBackend(found, path.resolve())
        self._backends[described.spec.id] = described
        return described.spec

    @hookimpl
    def load_backend(self, spec: BackendSpec, context: BackendContext) -> object | None:
        """Build a class that was read before."""
        known = self._backends.get(spec.id)
        return known.build(context) if known is not None and known.spec == spec else None


def _imported(path: Path) -> ModuleType:
    """Import a file under a name of its content, with its own folder on the path while it is imported.

    :raises PluginError: where it raises; the cause is chained.
    """
    try:
        name = f"_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{short(script_hash(path))}"
    except (SyntaxError, ValueError, OSError) as error:
        raise PluginError(f"{path} cannot be read as Python: {error}", remedy="mend it") from error
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} cannot be imported", remedy="give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as raised:
        del sys.modules[name]
        as_error(raised)
        msg = f"{path} cannot be imported: {type(raised).__name__}: {text_of(raised)}"
        raise PluginError(msg, remedy=f"mend it: 'python {path.name}' shows where") from raised
    finally:
        sys.path.remove(str(path.parent))
    return module


def _is_backend(value: object, module: ModuleType) -> bool:
    own = isinstance(value, type) and value.__module__ == module.__name__
    return own and any(callable(getattr(value, method, None)) for method in METHODS.values())

"""A Python class or object as a backend, without a plugin package."""

from __future__ import annotations

import inspect
import re
import secrets
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fashionbench.canonical import short
from fashionbench.errors import PluginError, did_you_mean
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.origin import Origin
from fashionbench.plugins.source_imports import script_hash
from fashionbench.specs.backend import BackendSpec
from fashionbench.specs.capabilities import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.specs.capabilities import BackendContext

T = TypeVar("T", bound=type)

#: The attribute in which :func:`model` keeps the fields of the specification.
_DESCRIPTION = "__fashionbench_model__"
#: What follows from the class itself.
_DERIVED = frozenset({"target", "capabilities", "fits"})


def model(name: str = "", **described: Any) -> Callable[[T], T]:
    """Describe a class as a backend, for ``fashionbench.run({"backends": [TheClass]})``.

    The class has the methods of what it can do (``encode_images``, ``encode_texts``, ``caption``, …) and is built with
    the :class:`~fashionbench.BackendContext`, or with nothing where its constructor takes nothing.

    :param name: the name of its rows; by default the name of the class.
    :param described: further fields of :class:`~fashionbench.BackendSpec`, such as ``options`` with their defaults,
        ``models`` (options that are folders of weights), ``revision``, ``summary`` or ``licence``.
    :raises PluginError: for a field that a backend does not have.
    """
    known = {field.name for field in fields(BackendSpec)} - _DERIVED - {"id"}
    strange = sorted(described.keys() - known)
    if strange:
        msg = f"a backend has no field {strange[0]!r}{did_you_mean(strange[0], known)}"
        raise PluginError(msg, remedy=f"fields that can be given: {', '.join(sorted(known))}")

    def decorate(kind: T) -> T:
        setattr(kind, _DESCRIPTION, {**described, **({"id": name} if name else {})})
        return kind

    return decorate


class PythonBackend:
    """A plugin that registers one class or object as a backend, and builds it.

    The **revision**, unless :func:`model` was given one, is the hash of the file that the class stands in and of what
    that imports from its own folder. A class without a file (a notebook's), and an object without ``fingerprint()``,
    cannot be recognised again: their cells are executed in each process anew.

    :param backend: a class, which is built for each fold, or an object, which is asked as it is.
    :param file: the file that it was read from; by default that of its module.
    :raises PluginError: where it has none of the methods of a capability, or is an object that would have to be fitted.
    """

    def __init__(self, backend: object, file: Path | None = None) -> None:
        self._backend = backend
        kind = backend if isinstance(backend, type) else type(backend)
        described = dict(getattr(kind, _DESCRIPTION, {}))
        capabilities = frozenset(c for c, method in METHODS.items() if callable(getattr(kind, method, None)))
        if not capabilities:
            msg = f"{kind.__qualname__} is no backend: it has none of {', '.join(METHODS.values())}"
            raise PluginError(msg, remedy="docs/how-to/backend.md shows the methods; give the class, not a function")
        fits = callable(getattr(kind, "fit", None))
        if fits and backend is not kind:
            msg = f"an object of {kind.__qualname__} cannot be fitted anew for each fold"
            raise PluginError(msg, remedy="give the class instead of the object")
        described.setdefault("id", f"python/{_words(kind.__name__)}")
        described.setdefault("summary", (inspect.getdoc(kind) or f"the class {kind.__qualname__}").partition("\n")[0])
        described.setdefault("revision", _revision(backend, kind, file))
        self.spec = BackendSpec(
            **described,
            # A local class is no attribute of its module; :meth:`load_backend` builds it.
            target=f"{kind.__module__}:{kind.__qualname__.replace('<locals>.', '')}",
            capabilities=capabilities,
            fits=fits,
        )
        self.origin = Origin(self.spec.id, "this process", "0")

    @hookimpl
    def register_backends(self) -> list[BackendSpec]:
        """Return the one backend."""
        return [self.spec]

    @hookimpl
    def load_backend(self, spec: BackendSpec, context: BackendContext) -> object | None:
        """Build the class, or give the object."""
        return self.build(context) if spec is self.spec else None

    def build(self, context: BackendContext) -> object:
        """Build the class with the context where its constructor takes one; an object is given as it is."""
        if not isinstance(self._backend, type):
            return self._backend
        try:
            takes = bool(inspect.signature(self._backend).parameters)
        except (TypeError, ValueError):  # a constructor without a signature, such as one of an extension module
            takes = True
        return self._backend(context) if takes else self._backend()


def _revision(backend: object, kind: type, file: Path | None) -> str:
    path = file or _file(kind)
    source = short(script_hash(path)) if path else secrets.token_hex(8)
    if backend is kind:
        return f"source {source}"
    fingerprint = getattr(backend, "fingerprint", None)
    state = fingerprint() if callable(fingerprint) else secrets.token_hex(8)
    return f"source {source}, object {state}"


def _file(kind: type) -> Path | None:
    """Find the file that a class stands in; None for a notebook's and for one that was typed."""
    module = sys.modules.get(kind.__module__)
    path = getattr(module, "__file__", None)
    return Path(path) if path and path.endswith(".py") and Path(path).is_file() else None


def _words(name: str) -> str:
    """Write ``MyModel`` as ``my-model``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", name)
    return re.sub(r"[^a-z0-9.-]", "", spaced.lower()).strip("-.") or "model"

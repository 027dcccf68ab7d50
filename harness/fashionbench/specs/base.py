"""Frozen descriptions that plugins register.

A specification is data. What needs torch is named by a ``"module:attribute"`` target and imported when a cell runs, so
that listing, planning and help stay cheap and survive a machine without the heavy packages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from fashionbench.errors import PluginError, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping


_NAME = re.compile(r"[a-z0-9][a-z0-9@._-]*(/[a-z0-9][a-z0-9@._-]*)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def no_options() -> Mapping[str, object]:
    """Return an empty, immutable mapping."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What every specification has.

    :param id: a lower-case name, namespaced as ``owner/name`` where it could clash.
    :param summary: one line for ``fashionbench list``.
    :param target: ``"module:attribute"`` of the callable that builds the object.
    """

    id: str
    summary: str
    target: str

    NAMES: ClassVar[re.Pattern[str]] = _NAME
    """What an id may be."""

    def __post_init__(self) -> None:
        if not self.NAMES.fullmatch(self.id):
            msg = f"{type(self).__name__} has the id {self.id!r}"
            raise PluginError(
                msg, remedy="use lower-case letters, digits, '.', '_', '-' and '/' as in acme/street2shop"
            )
        if not _TARGET.fullmatch(self.target):
            msg = f"{self.id} has the target {self.target!r}"
            raise PluginError(msg, remedy="write it as package.module:attribute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence with the place where it is stated; ``usage`` is the widest use that it allows."""

    id: str
    source: str
    usage: Literal["any", "non-commercial", "research", "unknown"] = "unknown"


def resolve(target: str) -> object:
    """Import what a target names.

    :raises PluginError: where the module or the attribute does not exist; the cause is chained.
    """
    module, _, attribute = target.partition(":")
    try:
        found: object = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        msg = f"{target} cannot be imported: {text_of(error)}"
        raise PluginError(msg, remedy="run 'fashionbench doctor' to see which packages are missing") from error
    return found

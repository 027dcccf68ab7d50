"""Executor specification: a way to run the cells of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.specs.base import Spec, no_options

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec(Spec):
    """A way to run cells; the target is ``(options: Mapping[str, object]) -> Executor | None``.

    It is given all options, and raises a ``ConfigError`` for a value that is wrong. None is the process of the run,
    one cell after the other.

    :param extra: the optional dependency group that it needs.
    :param packages: importable names that it needs.
    :param options: default arguments, which a configuration may override.
    """

    extra: str = ""
    packages: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=no_options)

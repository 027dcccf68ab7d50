"""Exporters: records written in the formats of other tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.specs.base import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSpec(Spec):
    """A format of another tool; the target is ``(records: Sequence[Record], options: Mapping[str, str]) -> Export``.

    :param options: what it can be told, by name, with a line on each.
    """

    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Export:
    """Files of another tool's format; the same records give the same bytes under the same names.

    :param files: contents by path below the output folder.
    :param left_out: what the format has no place for, a line each with the reason.
    """

    files: Mapping[str, str]
    left_out: tuple[str, ...] = ()

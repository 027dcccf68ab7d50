"""Data set specification: where data come from, what may be done with them, and what loads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from fashionbench.specs.base import Licence, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


Access: TypeAlias = Literal["bundled", "generated", "public-url", "public-hub", "request"]


def no_counts() -> Mapping[str, int]:
    """Return an empty, immutable mapping."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec(Spec):
    """A data set: where it comes from, what may be done with it, and the loader ``(root: Path | None) -> object``.

    :param revision: the publisher's version of the data.
    :param synthetic: whether the data were generated rather than photographed, drawn or written by people.
    :param how_to_get: instructions for a user who does not have it.
    :param expected: published counts by name, which ``fashionbench data verify`` compares with.
    :param beside: another data set, in whose folder this one lies where it has none of its own.
    :param image_credit: the words that stand beside its images and texts on a public page; empty where its licence does
        not allow them there.
    :param maker: ``"module:attribute"`` of ``(out: Path, seed: int, options, advance) -> None`` for data that are made.
    :param template: ``"module:attribute"`` of ``(kind: str, out: Path, images: Path | None) -> Path``, which writes a
        file for a user to fill in, for data sets that users bring.
    :param row_check: ``"module:attribute"`` of ``(root: Path) -> list[str]``, which says what is wrong with each row.
    """

    revision: str
    licence: Licence
    access: Access
    expected: Mapping[str, int] = field(default_factory=no_counts)
    beside: str = ""
    maker: str = ""
    template: str = ""
    row_check: str = ""
    image_credit: str = ""
    synthetic: bool = False
    splits: tuple[str, ...] = ()
    how_to_get: str = ""

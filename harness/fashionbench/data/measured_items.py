"""The items and groups that a fold of a task measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fashionbench.data.lazy_items import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredItems:
    """What a fold measures, for the comparison with what a backend learns from.

    :param sources: queries, gallery, persons, garments, images to caption.
    :param groups: what stands for a product or a person, as training pairs name it.
    """

    sources: Iterable[Source] = ()
    groups: Collection[str] = field(default_factory=frozenset)

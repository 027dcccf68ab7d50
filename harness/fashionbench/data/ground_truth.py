"""The right answers, which only a privileged control is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image


def _nothing() -> Mapping[str, frozenset[str]]:
    return MappingProxyType({})


def _no_texts() -> Mapping[str, str]:
    return MappingProxyType({})


def _no_images() -> Mapping[str, Image]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of one fold.

    :param positives: for each query id, the ids of the candidates that answer it (qrels).
    :param texts: for each query id with words, these words.
    :param captions: for each image id, a reference caption.
    :param images: for each item id, the photo that try-on or design should give.
    """

    positives: Mapping[str, frozenset[str]] = field(default_factory=_nothing)
    captions: Mapping[str, str] = field(default_factory=_no_texts)
    images: Mapping[str, Image] = field(default_factory=_no_images)
    texts: Mapping[str, str] = field(default_factory=_no_texts)

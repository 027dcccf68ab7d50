"""What captions say, in words: attributes that they name, CIDEr, and style, without the tokens of other tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.attributes import attribute_words
from fashionbench.metrics.captioning.ngrams import cider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ATTRIBUTES = ("category", "colour", "pattern", "sleeve")


def words_of(text: str) -> str:
    """Return the words of letters and digits of a text, in small letters, with one space between them."""
    return " ".join(re.findall(r"\w+", text.lower()))


def named_attributes(text: str) -> dict[str, str]:
    """Return what a text names first of each attribute; an empty text where it names none."""
    return {attribute: attribute_words(attribute).first(text) or "" for attribute in ATTRIBUTES}


def attribute_hits(said: Sequence[Mapping[str, str]], wanted: Sequence[Mapping[str, str]]) -> NDArray[np.float64]:
    """Return of each item which share of the attributes that are wanted is said; 0 where none is wanted."""
    return np.array(
        [
            sum(value == one[name] for name, value in asked.items() if value) / max(sum(map(bool, asked.values())), 1)
            for one, asked in zip(said, wanted, strict=True)
        ]
    )


def cider_of(captions: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Compute CIDEr-D of each caption with one reference; 0 where no word of the references tells them apart."""
    try:
        return np.asarray(cider([words_of(text) for text in captions], [[words_of(text)] for text in references]))
    except MetricError:
        return np.zeros(len(captions))

"""Attributes named in captions: which category, colour, pattern or sleeve a text names first, from a list of words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import yaml

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.predictions.captions import corpus_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AttributeWords:
    """The words of one attribute: a pattern that finds any of them, and the value that each stands for."""

    pattern: re.Pattern[str]
    values: Mapping[str, str]

    def first(self, text: str) -> str | None:
        """Return the value that a text names first; None where it names none."""
        found = self.pattern.search(_plain(text))
        return self.values[found[1]] if found else None


@cache
def attribute_words(attribute: str) -> AttributeWords:
    """Read the list of an attribute that comes with the core.

    :raises MetricError: where there is none.
    """
    text = resources.files(__package__).joinpath("attribute_words.yaml").read_text(encoding="utf-8")
    listed: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    if attribute not in listed:
        raise MetricError(f"there is no list of words for {attribute}", remedy=f"take one of {', '.join(listed)}")
    values = {_plain(form): value for value, forms in listed[attribute].items() for form in forms}
    # Of forms that begin at one place the longest is tried first.
    forms = "|".join(re.escape(form) for form in sorted(values, key=len, reverse=True))
    return AttributeWords(re.compile(rf"(?<!\w)({forms})(?:e?s)?(?!\w)"), values)


def attribute_category(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell which captions name the category that a reference names."""
    return _accuracy(table, arguments, "category")


def attribute_colour(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell which captions name the colour first that a reference names first."""
    return _accuracy(table, arguments, "colour")


def attribute_pattern(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell which captions name the pattern that a reference names."""
    return _accuracy(table, arguments, "pattern")


def attribute_sleeve(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell which captions name the sleeve that a reference names."""
    return _accuracy(table, arguments, "sleeve")


def _accuracy(table: pa.Table, arguments: MetricArguments, attribute: str) -> Outcome:
    """Compare what captions name first with what their references name first.

    Items of which no reference names a value are left out; a caption that names none is wrong.

    :raises MetricError: where no reference names one.
    """
    corpus, words = corpus_of(table, arguments.card), attribute_words(attribute)
    captions: Sequence[str] = corpus.candidates
    references: Sequence[Sequence[str]] = corpus.references
    if corpus.swapped:
        captions, references = [refs[0] for refs in references], [(caption,) for caption in captions]
    wanted = [{value for text in texts if (value := words.first(text)) is not None} for texts in references]
    rows = np.array([bool(values) for values in wanted])
    if not rows.any():
        msg = f"no reference names a {attribute} of the list"
        raise MetricError(msg, remedy="this metric is for descriptions of garments in English")
    named = [words.first(caption) for caption in captions]
    right = np.array([one in values for one, values in zip(named, wanted, strict=True)], dtype=np.float64)
    silent = sum(one is None for one, told in zip(named, rows, strict=True) if told)
    method = f"{int(rows.sum())} of {len(rows)} references name a {attribute}; of their captions {silent} name none"
    return Outcome(right[rows], rows=rows, method=method)


def _plain(text: str) -> str:
    """Write a text in small letters, with a space for each hyphen or run of spaces."""
    return re.sub(r"[\s\-‐‑–]+", " ", text.lower())

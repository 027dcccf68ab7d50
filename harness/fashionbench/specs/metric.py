"""Metric specification: a function of stored predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fashionbench.specs.base import Spec

#: Which images a metric takes features of: those of a side, or regions of the garment, as many as are generated.
LooksAt: TypeAlias = Literal["generated", "real", "garment", "garment-region", "truth-region"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(Spec):
    """A metric on stored predictions; the target is ``(table: pyarrow.Table, arguments: MetricArguments) -> Outcome``.

    :param id: the name, where ``@k`` stands for a cut-off: ``hit@k`` answers for ``hit@1`` and ``hit@10``.
    :param implementation: name and version of the code; two values are comparable only when it is equal.
    :param predictions: the schema of predictions that it reads, such as ``ranking/1``.
    :param extractors: the feature extractors that it needs, such as ``inception-v3-fid``.
    :param looks_at: which images it takes features of: those of a side, or as many as there are generated ones.
    :param weights: ``"module:attribute"`` of ``() -> str``, the fingerprint of the weights that are in place, where
        these are no extractor's; a stored value by others is computed anew.
    :param packages: importable names that it needs.
    :param programs: programs that it needs on the path, such as ``java``.
    :param by_item: whether it has a value for each item; one of a whole set alone, such as BLEU, is not asked for them.
    :param by_slice: whether a metric of a whole set is also computed on each slice, of a table of its rows alone.
    :param graded: of a fraction: whether an item's value is a degree, such as a similarity, and no success or failure
        even where all are 0 or 1.
    :param biased_below: below this number of items its value is biased by the number; 0 where it never is.
    """

    implementation: str
    predictions: str
    higher_is_better: bool
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    extractors: tuple[str, ...] = ()
    looks_at: tuple[LooksAt, ...] = ("generated", "real")
    weights: str = ""
    biased_below: int = 0
    by_item: bool = True
    by_slice: bool = False
    graded: bool = False
    unit: Literal["fraction", "rank", "score", "distance", "count"]

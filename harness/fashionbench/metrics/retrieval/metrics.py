"""Ranking metrics as targets of metric specifications, on predictions of the schema ``ranking/1``.

The protocol card decides: ``tie_rule`` (``expected``, ``pessimistic`` or ``optimistic``), ``tie_tolerance``, and
``missing`` (``miss`` scores a query without positives in the gallery as a miss; ``refuse`` refuses it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.retrieval import at_k
from fashionbench.predictions.ranking import counts_of

if TYPE_CHECKING:
    import pyarrow as pa

    from fashionbench.predictions.rank_counts import RankCounts


def hit(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell whether any positive is among the first k."""
    counts, rules = _read(table, arguments)
    return Outcome(at_k.hit_at_k(counts, arguments.cutoff, **rules))


def recall(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the share of a query's positives among the first k; with one positive the same as a hit."""
    counts, rules = _read(table, arguments)
    return Outcome(at_k.recall_at_k(counts, arguments.cutoff, **rules))


def mean_hit(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average the hits at several cut-offs, as the mean of R@1, R@5 and R@10."""
    counts, rules = _read(table, arguments)
    return Outcome(np.mean([at_k.hit_at_k(counts, k, **rules) for k in _several(arguments)], axis=0))


def mean_recall(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average the fractional recall at several cut-offs, as Fashion-IQ's mean of R@10 and R@50."""
    counts, rules = _read(table, arguments)
    return Outcome(np.mean([at_k.recall_at_k(counts, k, **rules) for k in _several(arguments)], axis=0))


def cirr_mean(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average R@5 over the gallery and R@1 over the subset, the headline of CIRR (Liu et al., ICCV 2021).

    :raises MetricError: where the predictions lack one of the slices ``full`` and ``subset``.
    """
    slices = np.asarray(table.column("slice").to_pylist())
    if set(slices) != {"full", "subset"}:
        raise MetricError("cirr-mean needs the slices full and subset", remedy="use it on a CIRR task")
    counts, rules = _read(table, arguments)
    rows = np.where(slices == "full", at_k.hit_at_k(counts, 5, **rules), at_k.hit_at_k(counts, 1, **rules))
    return Outcome(rows, average="slices")


def average_precision(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the average precision within the first k, whose mean is mAP@k."""
    counts, rules = _read(table, arguments)
    return Outcome(at_k.average_precision_at_k(counts, arguments.cutoff, **rules))


def reciprocal_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute one over the rank of the first positive, whose mean is MRR."""
    counts, rules = _read(table, arguments)
    return Outcome(at_k.reciprocal_rank(counts, **rules))


def median_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the rank of the first positive, of which the median is taken."""
    counts, rules = _read(table, arguments)
    return Outcome(at_k.first_rank(counts, **rules), statistic="median")


def _several(arguments: MetricArguments) -> tuple[int, ...]:
    if not arguments.cutoffs:
        raise MetricError("this metric needs cut-offs", remedy="write them as in mean-recall@10,50")
    return arguments.cutoffs


def _read(table: pa.Table, arguments: MetricArguments) -> tuple[RankCounts, dict[str, Any]]:
    card = arguments.card
    rules = {"ties": card["tie_rule"], "missing": card.get("missing", "refuse")}
    return counts_of(table, float(card["tie_tolerance"])), rules

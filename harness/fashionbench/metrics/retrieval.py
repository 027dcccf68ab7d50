"""Ranking metrics as targets of metric specifications, on predictions of the schema ``ranking/1``.

The protocol card decides: ``tie_rule`` (``expected``, ``pessimistic`` or ``optimistic``), ``tie_tolerance``, and
``missing`` (``miss`` scores a query without positives in the gallery as a miss; ``refuse`` refuses it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import MetricError
from fashionbench.metrics import ranking
from fashionbench.metrics.rankings import counts_of
from fashionbench.scoring import MetricArguments, Outcome

if TYPE_CHECKING:
    import pyarrow as pa

    from fashionbench.metrics.ranking import RankCounts


def hit(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell whether any positive is among the first k."""
    counts, rules = _read(table, arguments)
    return Outcome(ranking.hit_at_k(counts, _cutoff(arguments), **rules))


def recall(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the share of a query's positives among the first k; with one positive the same as a hit."""
    counts, rules = _read(table, arguments)
    return Outcome(ranking.recall_at_k(counts, _cutoff(arguments), **rules))


def average_precision(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the average precision within the first k, whose mean is mAP@k."""
    counts, rules = _read(table, arguments)
    return Outcome(ranking.average_precision_at_k(counts, _cutoff(arguments), **rules))


def reciprocal_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute one over the rank of the first positive, whose mean is MRR."""
    counts, rules = _read(table, arguments)
    return Outcome(ranking.reciprocal_rank(counts, **rules))


def median_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the rank of the first positive, of which the median is taken."""
    counts, rules = _read(table, arguments)
    return Outcome(ranking.first_rank(counts, **rules), statistic="median")


def _read(table: pa.Table, arguments: MetricArguments) -> tuple[RankCounts, dict[str, Any]]:
    card = arguments.card
    rules = {"ties": card["tie_rule"], "missing": card.get("missing", "refuse")}
    return counts_of(table, float(card["tie_tolerance"])), rules


def _cutoff(arguments: MetricArguments) -> int:
    if arguments.cutoff is None:
        raise MetricError("this metric needs a cut-off", remedy="write it as in hit@10")
    return arguments.cutoff

"""Ranking metrics as targets of metric specifications, on predictions of the schema ``ranking/1``.

The protocol card decides: ``tie_rule`` (``expected``, ``pessimistic`` or ``optimistic``), ``tie_tolerance``, and
``missing`` (``miss`` scores a query without positives in the gallery as a miss; ``refuse`` refuses it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import MetricError, first_names
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.retrieval import at_k
from fashionbench.predictions.list_depth import ListDepth, list_depth
from fashionbench.predictions.ranking import counts_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.predictions.rank_counts import RankCounts


def hit(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell whether any positive is among the first k."""
    return _hits(table, arguments, (arguments.cutoff,))


def recall(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the share of a query's positives among the first k; with one positive the same as a hit."""
    return _recalls(table, arguments, (arguments.cutoff,))


def mean_hit(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average the hits at several cut-offs, as the mean of R@1, R@5 and R@10."""
    return _hits(table, arguments, _several(arguments))


def mean_recall(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average the fractional recall at several cut-offs, as Fashion-IQ's mean of R@10 and R@50."""
    return _recalls(table, arguments, _several(arguments))


def cirr_mean(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Average R@5 over the gallery and R@1 over the subset, the headline of CIRR (Liu et al., ICCV 2021).

    :raises MetricError: where the predictions lack one of the slices ``full`` and ``subset``.
    """
    slices = np.asarray(table.column("slice").to_pylist())
    if set(slices) != {"full", "subset"}:
        raise MetricError("cirr-mean needs the slices full and subset", remedy="give both of CIRR's server files")
    counts, rules = _read(table, arguments)
    full = slices == "full"
    rows = np.where(full, at_k.hit_at_k(counts, 5, **rules), at_k.hit_at_k(counts, 1, **rules))
    depth = list_depth(table, counts)
    unknown = depth.all_unnamed & np.where(full, depth.beyond(5), depth.beyond(1))
    # A query stands in both slices, and is one query.
    n = len(set(table.column("query_id").to_pylist())) if "query_id" in table.column_names else None
    return _told(rows, depth, unknown, average="slices", n=n)


def average_precision(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the average precision within the first k, whose mean is mAP@k."""
    counts, rules = _read(table, arguments)
    depth = list_depth(table, counts)
    unknown = depth.some_unnamed & (depth.depth < arguments.cutoff)
    return _told(at_k.average_precision_at_k(counts, arguments.cutoff, **rules), depth, unknown)


def ndcg(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the normalised discounted cumulative gain of the first k; relevance is 0 or 1, or what a task grades."""
    counts, rules = _read(table, arguments)
    depth = list_depth(table, counts)
    unknown = depth.some_unnamed & (depth.depth < arguments.cutoff)
    return _told(at_k.ndcg_at_k(counts, arguments.cutoff, **rules), depth, unknown)


def reciprocal_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute one over the rank of the first positive, whose mean is MRR; of lists that end early, a lower bound."""
    counts, rules = _read(table, arguments)
    values = at_k.reciprocal_rank(counts, **rules)
    depth = list_depth(table, counts)
    if not depth.all_unnamed.any():
        return Outcome(values)
    return Outcome(values, at_least=depth.all_unnamed, unknown=depth.reason(depth.all_unnamed))


def median_rank(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the rank of the first positive, of which the median is taken; of lists that end early, if inside."""
    counts, rules = _read(table, arguments)
    ranks = at_k.first_rank(counts, **rules)
    depth = list_depth(table, counts)
    return _told(ranks, depth, depth.all_unnamed, otherwise=np.inf, statistic="median")


def _hits(table: pa.Table, arguments: MetricArguments, cutoffs: tuple[int, ...]) -> Outcome:
    counts, rules = _read(table, arguments)
    depth = list_depth(table, counts)
    unknown = depth.all_unnamed & np.any([depth.beyond(k) for k in cutoffs], axis=0)
    return _told(np.mean([at_k.hit_at_k(counts, k, **rules) for k in cutoffs], axis=0), depth, unknown)


def _recalls(table: pa.Table, arguments: MetricArguments, cutoffs: tuple[int, ...]) -> Outcome:
    counts, rules = _read(table, arguments)
    depth = list_depth(table, counts)
    unknown = depth.some_unnamed & np.any([depth.beyond(k) for k in cutoffs], axis=0)
    return _told(np.mean([at_k.recall_at_k(counts, k, **rules) for k in cutoffs], axis=0), depth, unknown)


def _told(
    values: NDArray[np.float64],
    depth: ListDepth,
    unknown: NDArray[np.bool_],
    otherwise: float = np.nan,
    **fields: Any,
) -> Outcome:
    """Put something else in the place of values that imported lists do not tell."""
    if not unknown.any():
        return Outcome(values, **fields)
    return Outcome(np.where(unknown, otherwise, values), unknown=depth.reason(unknown), **fields)


def _several(arguments: MetricArguments) -> tuple[int, ...]:
    if not arguments.cutoffs:
        raise MetricError("this metric needs cut-offs", remedy="write them as in mean-recall@10,50")
    return arguments.cutoffs


def _read(table: pa.Table, arguments: MetricArguments) -> tuple[RankCounts, dict[str, Any]]:
    card = arguments.card
    rules = {"ties": card["tie_rule"], "missing": card.get("missing", "refuse")}
    counts = counts_of(table, float(card["tie_tolerance"]))
    unanswered = np.flatnonzero(counts.n_positives == 0)
    if rules["missing"] == "refuse" and unanswered.size and "query_id" in table.column_names:
        names = table.column("query_id").take(unanswered).to_pylist()
        msg = f"no positive in the gallery for {len(names)} queries: {first_names(names)}"
        raise MetricError(msg, remedy="leave them out of the task and say so, or set missing: miss in the card")
    return counts, rules

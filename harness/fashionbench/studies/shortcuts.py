"""One-modality shortcuts of composed retrieval: which queries the image or the text alone answers, and what is left.

A query is a **shortcut** where a control that sees one of its two sides answers it; the others need both, and are
**composed**. A system that does well on the former alone has not learnt to compose (the observation of CIRCUS, arXiv
2605.14787, where 32 to 84 % of the queries of four benchmarks are shortcuts). Labels follow from the stored predictions
of the two controls, or are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import ConfigError, first_names
from fashionbench.statistics.bootstrap import Interval
from fashionbench.statistics.sampling import sampling_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.studies.item_values import ItemValues

#: A query by its slice and its id.
Query = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Share:
    """A mean over some queries, with its 95 % interval, or the reason why there is none."""

    n: int
    value: float | None
    interval: tuple[float, float] | None
    method: str


@dataclass(frozen=True, slots=True)
class ShortcutRow:
    """One system on all queries, on the shortcuts, and on those that need both modalities.

    :param gap: by how much it is ahead of the better of the two controls, over all queries; None for these.
    """

    system: str
    whole: Share
    shortcut: Share
    composed: Share
    gap: Share | None


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """The split of a task's queries, and every system on its parts.

    :param image: how many queries the image alone answers; with ``text`` and ``both`` of what the labels are made.
    :param labels: where the labels come from.
    """

    task: str
    metric: str
    queries: int
    shortcuts: int
    image: int | None
    text: int | None
    both: int | None
    labels: str
    rows: tuple[ShortcutRow, ...]


def labels_of_controls(image: ItemValues, text: ItemValues) -> tuple[dict[Query, bool], tuple[int, int, int]]:
    """Label each query by what the two controls answer; a tie across the cut counts where it is more likely than not.

    :returns: the labels, and how many queries the image, the text, and each of the two alone answer.
    :raises ConfigError: where the two were asked different queries.
    """
    by_image, by_text = _by_query(image), _by_query(text)
    if by_image.keys() != by_text.keys():
        names = sorted(str(query) for query in by_image.keys() ^ by_text.keys())
        msg = f"the two controls were asked different queries: {first_names(names)}"
        raise ConfigError(msg, remedy="run both on the whole task")
    alone = {query: (by_image[query] > 0.5, by_text[query] > 0.5) for query in by_image}
    counts = (
        sum(i for i, _ in alone.values()),
        sum(t for _, t in alone.values()),
        sum(i and t for i, t in alone.values()),
    )
    return {query: i or t for query, (i, t) in alone.items()}, counts


def shortcut_row(
    system: str, values: ItemValues, labels: Mapping[Query, bool], controls: Sequence[ItemValues], seed: int
) -> ShortcutRow:
    """Measure a system on both parts of the queries.

    :param controls: the two that see one modality; the better of them is what the gap is over.
    :raises ConfigError: where a query has no label.
    """
    queries = list(zip(values.slices, values.ids, strict=True))
    lacking = [query for query in queries if query not in labels]
    if lacking:
        named = first_names([name for _, name in lacking])
        msg = f"{len(lacking)} of {len(queries)} queries of {system} have no label: {named}"
        raise ConfigError(msg, remedy="run the controls on the same data, or label every query")
    is_shortcut = np.array([labels[query] for query in queries], dtype=bool)
    better = max(controls, key=lambda control: float(control.values.mean()), default=None)
    gap = None
    if better is not None:
        reference = _by_query(better)
        difference = values.values - np.array([reference[query] for query in queries])
        gap = _share(difference, values, np.ones(len(queries), bool), seed, bounds=(-1.0, 1.0))
    return ShortcutRow(
        system=system,
        whole=_share(values.values, values, np.ones(len(queries), bool), seed),
        shortcut=_share(values.values, values, is_shortcut, seed),
        composed=_share(values.values, values, ~is_shortcut, seed),
        gap=gap,
    )


def _by_query(values: ItemValues) -> dict[Query, float]:
    return dict(zip(zip(values.slices, values.ids, strict=True), values.values.tolist(), strict=True))


def _share(
    numbers: NDArray[np.float64],
    values: ItemValues,
    rows: NDArray[np.bool_],
    seed: int,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Share:
    chosen = numbers[rows]
    if not chosen.size:
        return Share(0, None, None, "no such query")
    clusters = [values.clusters[at] for at in np.flatnonzero(rows).tolist()]
    found = sampling_interval(chosen, clusters=clusters, strata=None, seed=seed, bounds=bounds)
    limits = found.bounds if isinstance(found, Interval) else None
    method = found.method if isinstance(found, Interval) else found.reason
    return Share(int(chosen.size), float(chosen.mean()), limits, method)

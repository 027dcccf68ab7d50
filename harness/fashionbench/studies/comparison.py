"""Two systems beside each other, as data: systems, differences, items that changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Records of one system, and the store that holds their predictions.

    :param label: how it is called.
    :param records: of any tasks and seeds.
    """

    label: str
    records: Sequence[Record]
    store: Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Candidate minus baseline, for one metric of one task or slice.

    :param n: items that were compared.
    :param seeds: of the baseline, and of the candidate.
    :param interval: the 95 % interval of the difference; None where there is none, and ``method`` says why.
    :param p_value: two-sided; over the slices of a metric adjusted after Holm.
    :param wins: items where the candidate is better; None for a metric of the whole set.
    """

    task: str
    metric: str
    slice: str
    unit: str
    higher_is_better: bool
    n: int
    seeds: tuple[int, int]
    baseline: float
    candidate: float
    interval: tuple[float, float] | None
    p_value: float | None
    method: str
    wins: int | None = None
    ties: int | None = None
    losses: int | None = None

    @property
    def difference(self) -> float:
        """Candidate minus baseline; 0 where they differ by rounding alone."""
        same = math.isclose(self.candidate, self.baseline, rel_tol=1e-12, abs_tol=1e-15)
        return 0.0 if same else self.candidate - self.baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """An item whose value changed.

    :param records: the records that the values are of, one a side; of several seeds the first.
    """

    task: str
    metric: str
    slice: str
    item: str
    baseline: float
    candidate: float
    records: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two systems beside each other.

    :param flips: of the first metric of each task, the items that changed most, losses first.
    :param left_out: why a task or metric is not compared, in words.
    """

    baseline: str
    candidate: str
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    left_out: tuple[str, ...]

"""How far values, and the order of systems, move between the ways in which a benchmark may be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, get_args

from fashionbench.metrics.retrieval.at_k import TieRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fashionbench.specs import TaskSpec


@dataclass(frozen=True, slots=True)
class System:
    """A backend with its options; a control is shown and takes no part in the order.

    :param seeds: how many seeds its values are means over.
    """

    label: str
    control: bool = False
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a system under a variant, or the reason why there is none.

    :param source: ``record`` or ``embeddings``, from which it was computed.
    """

    value: float | None = None
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of measuring.

    :param label: the task, and the tie rule where that is not the task's own.
    :param differs: fields of the protocol card that are other than the base's: here, and there.
    :param values: by system.
    """

    label: str
    differs: Mapping[str, tuple[object, object]]
    values: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Movement:
    """What a variant changes against the base.

    :param largest: the greatest change of a value, with its sign, of systems that are no controls; None where there are
        none to compare.
    :param of: the system whose value that is.
    :param systems: how many systems that are no controls have a value in the base and the variant.
    :param largest_of_controls: the greatest change of a control's value; None where there is none to compare.
    :param control: the control whose value that is.
    :param reversed_pairs: systems that change places, the base's better one first.
    :param pairs: how many pairs of systems are in strict order in the base and measured in both.
    """

    largest: float | None
    of: str
    reversed_pairs: tuple[tuple[str, str], ...]
    pairs: int
    systems: int = 0
    largest_of_controls: float | None = None
    control: str = ""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Values of all systems under all variants; the first variant is the base."""

    task: str
    metric: str
    unit: str
    higher_is_better: bool
    systems: tuple[System, ...]
    variants: tuple[Variant, ...]

    def movement(self, variant: Variant) -> Movement:
        """Compare a variant with the base."""
        base = self.variants[0].values
        measured = [
            (system.control, (system.label, before.value, after.value))
            for system, before, after in zip(self.systems, base, variant.values, strict=True)
            if before.value is not None and after.value is not None
        ]
        both = [row for control, row in measured if not control]
        sign = 1 if self.higher_is_better else -1
        reversed_pairs: list[tuple[str, str]] = []
        pairs = 0
        for one, two in combinations(both, 2):
            better, worse = (one, two) if sign * (one[1] - two[1]) > 0 else (two, one)
            if one[1] != two[1]:
                pairs += 1
                if sign * (better[2] - worse[2]) < 0:
                    reversed_pairs.append((better[0], worse[0]))
        largest, of = _largest(both)
        moved, control = _largest([row for control, row in measured if control])
        return Movement(largest, of, tuple(reversed_pairs), pairs, len(both), moved, control)


def _largest(rows: Sequence[tuple[str, float, float]]) -> tuple[float | None, str]:
    """Return the greatest change of a value, and whose it is."""
    label, before, after = max(rows, key=lambda row: abs(row[2] - row[1]), default=("", None, None))
    return (None if before is None or after is None else after - before), label


def mean_over_seeds(values: Mapping[int, Measured]) -> Measured:
    """Return the mean of a system's values by seed; none where a seed has none: a mean of fewer is another number."""
    for seed, one in values.items():
        if one.value is None:
            return one if len(values) == 1 else Measured(reason=f"seed {seed}: {one.reason}")
    known = [one.value for one in values.values() if one.value is not None]
    source = " and ".join(sorted({one.source for one in values.values()}))
    return Measured(fmean(known), source)


def variants_of(task: TaskSpec, tasks: Iterable[TaskSpec]) -> list[TaskSpec]:
    """Return a task, the task under other tie rules, and the other tasks of its benchmark."""
    own = task.protocol.fields.get("tie_rule")
    rules = [rule for rule in get_args(TieRule) if rule != own] if own else []
    ties = [replace(task, protocol=task.protocol.replace(tie_rule=rule)) for rule in rules]
    others = [other for other in tasks if task.benchmark and other.benchmark == task.benchmark and other.id != task.id]
    return [task, *ties, *sorted(others, key=lambda other: other.id)]

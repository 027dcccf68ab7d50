"""A measurement of a diagnosis: its value with an interval, two references, and a verdict in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.statistics.bootstrap import Interval, NoInterval

Group: TypeAlias = Literal["retrieval", "matching", "adapters", "captions", "caption style", "pictures"]
#: ``sound``: what training should give; ``weak``: less than that; ``fault``: a known failure, which has a name;
#: ``unclear``: nothing can be told, as of too few items; ``described``: a number that is neither right nor wrong by
#: itself; ``absent``: it does not apply, and why stands in words.
Level: TypeAlias = Literal["sound", "weak", "fault", "unclear", "described", "absent"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval.

    :param interval: None where there is none, which ``method`` then explains.
    :param n: the number of items behind it.
    """

    value: float
    interval: tuple[float, float] | None
    method: str
    n: int

    @classmethod
    def of(cls, value: float, found: Interval | NoInterval, n: int) -> Estimate:
        """Join a value with what was found of its interval."""
        return cls(float(value), found.bounds, found.method, n)


@dataclass(frozen=True, slots=True)
class Reference:
    """What the measurement gives where there is nothing to measure.

    :param what: what was shuffled, or which model was taken; where there is no estimate, why.
    """

    what: str
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a measurement says.

    :param fault: the name of the failure, where it is one.
    """

    level: Level
    words: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one thing along phases or layers, for a plot."""

    name: str
    points: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement.

    :param id: a name without spaces, unique in a report.
    :param meaning: what is computed, and where it is described.
    :param estimate: of the model; None where the measurement does not apply.
    :param shuffled: the same with shuffled inputs.
    :param untrained: the same of a model that was not trained.
    :param table: values by row and column, such as a matrix of instructions and data sets.
    """

    id: str
    group: Group
    title: str
    meaning: str
    estimate: Estimate | None
    shuffled: Reference
    untrained: Reference
    verdict: Verdict
    unit: str = ""
    table: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def absent(id_: str, group: Group, title: str, meaning: str, why: str) -> Measurement:
    """Make a measurement that does not apply.

    :param why: the reason, which stands where the numbers would.
    """
    return Measurement(
        id=id_,
        group=group,
        title=title,
        meaning=meaning,
        estimate=None,
        shuffled=Reference(why),
        untrained=Reference(why),
        verdict=Verdict("absent", why),
    )

"""The policy of a gate: what may become worse by how much, and what else stops a change."""

from __future__ import annotations

from fnmatch import fnmatchcase
from math import isfinite
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fashionbench.errors import ConfigError, did_you_mean
from fashionbench.specs.validation import read_yaml, validated

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


class Bound(BaseModel):
    """A value that a system must reach whatever the baseline was, such as an oracle's; names may be patterns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: str
    metric: str
    task: str = "*"
    least: float | None = Field(default=None, allow_inf_nan=False)
    most: float | None = Field(default=None, allow_inf_nan=False)

    @property
    def named(self) -> str:
        """Name the bound in a message."""
        return f"the bound of {self.metric} on {self.backend}"

    @model_validator(mode="after")
    def _asks_something(self) -> Bound:
        if self.least is None and self.most is None:
            msg = f"{self.named} asks for nothing: give least, most or both"
            raise ValueError(msg)
        if self.least is not None and self.most is not None and self.least > self.most:
            msg = f"{self.named} can never be reached: least is greater than most"
            raise ValueError(msg)
        return self


class GatePolicy(BaseModel):
    """What a gate asks.

    ``margins`` gives, by a metric's name or pattern, by how much it may be worse, in the metric's own unit (0.01 of a
    fraction is one point); a metric that no pattern fits is not judged. The first pattern that fits counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margins: dict[str, float] = Field(min_length=1)
    tasks: tuple[str, ...] = ("*",)
    backends: tuple[str, ...] = ("*",)
    slice_margin: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """By how much a slice may be worse; None judges no slices."""
    suspicious: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """A gain beyond this is looked at by a person before it passes."""
    controls: Literal["equal", "ignore"] = "equal"
    """Whether the values of controls must be those of the baseline: they depend on data and measuring code alone."""
    bounds: tuple[Bound, ...] = ()
    inconclusive: Literal["fail", "pass"] = "fail"
    """What becomes of a metric whose interval reaches beyond the margin on both sides."""

    @model_validator(mode="after")
    def _every_margin_counts(self) -> GatePolicy:
        for at, (name, margin) in enumerate(self.margins.items()):
            earlier = next((one for one in list(self.margins)[:at] if fnmatchcase(name, one)), None)
            if earlier is not None:
                msg = f"the margin of {name} never counts, for {earlier} comes before and fits it: put {name} first"
                raise ValueError(msg)
            if not isfinite(margin):
                msg = f"the margin of {name} is {margin}: give the loss that is still allowed"
                raise ValueError(msg)
        return self

    def margin(self, metric: str) -> float | None:
        """Return the margin of a metric; None where it is not judged."""
        return next((margin for pattern, margin in self.margins.items() if fnmatchcase(metric, pattern)), None)

    def covers(self, task: str, backend: str) -> bool:
        """Tell whether a cell is judged."""
        return _fits(task, self.tasks) and _fits(backend, self.backends)


def check_names(policy: GatePolicy, tasks: Collection[str], backends: Collection[str]) -> None:
    """Check that each pattern of a policy fits a name: one that is misspelt would leave cells out without a word.

    :param tasks: names of tasks that exist or were measured.
    :param backends: the same of backends.
    :raises ConfigError: naming the pattern and the names nearest to it.
    """
    for field, patterns, known in (("tasks", policy.tasks, tasks), ("backends", policy.backends, backends)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                msg = f"the policy's {field} have {pattern!r}, which fits no name{did_you_mean(pattern, known)}"
                raise ConfigError(
                    msg, remedy=f"see 'fashionbench list {field}', or the names of the baseline's records"
                )


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_policy(path: Path) -> GatePolicy:
    """Read a policy from YAML.

    :raises ConfigError: where the file cannot be read or is no policy; the message names file and field.
    """
    policy = validated(GatePolicy, read_yaml(path), f"{path} is not a gate policy", "see docs/how-to/gate.md")
    wrong = [name for name, margin in policy.margins.items() if margin < 0]
    if wrong:
        raise ConfigError(f"{path}: the margin of {wrong[0]} is negative", remedy="give the loss that is still allowed")
    return policy

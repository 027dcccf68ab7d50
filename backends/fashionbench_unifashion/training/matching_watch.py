"""Says in words, while a phase trains, whether its loss of image-text matching is that of saying the same of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_unifashion.losses import matching_prior

if TYPE_CHECKING:
    from collections.abc import Callable

#: Losses of so many steps are averaged at least, for those of single batches scatter.
STEPS = 20


class MatchingWatch:
    """Passes a phase's figures on, and says a line at a validation where what it has to say has changed.

    :param phase: the name of the phase.
    :param track: takes the figures of a step.
    :param say: takes a line for people.
    """

    def __init__(
        self, phase: str, track: Callable[[int, dict[str, float]], object], say: Callable[[str], object]
    ) -> None:
        self._phase, self._track, self._say = phase, track, say
        self._losses: list[float] = []
        self._said: bool | None = None

    def __call__(self, step: int, values: dict[str, float]) -> None:
        """Take the figures of a step, or of a validation."""
        self._track(step, values)
        if "itm" in values:
            self._losses.append(values["itm"])
        if not any(name.startswith("held/") for name in values) or len(self._losses) < STEPS:
            return
        mean = sum(self._losses) / len(self._losses)
        self._losses.clear()
        at_chance = matching_prior.at_chance(mean)
        if at_chance != self._said and (at_chance or self._said is not None):
            self._say(f"{self._phase}, step {step}: loss of matching: {matching_prior.in_words(mean)}")
        self._said = at_chance

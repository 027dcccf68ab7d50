"""Verdicts from an estimate and its references."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fashionbench.diagnostics.measurement import Verdict

if TYPE_CHECKING:
    from fashionbench.diagnostics.measurement import Estimate, Reference

#: With fewer items than these nothing is said to be no better than chance.
FEW = 20


def beyond_chance(estimate: Estimate, chance: Estimate, *, higher: bool) -> bool:
    """Tell whether a value lies on the better side of what 95 % of shufflings gave (a permutation test)."""
    low, high = chance.interval or (chance.value, chance.value)
    return estimate.value > high if higher else estimate.value < low


def beyond(estimate: Estimate, other: Estimate, *, higher: bool) -> bool:
    """Tell whether an estimate is better than another one by more than both intervals together allow.

    The half widths of independent estimates add up by their squares; an estimate without an interval counts as exact.
    """
    widths = [0.0 if one.interval is None else (one.interval[1] - one.interval[0]) / 2 for one in (estimate, other)]
    ahead = estimate.value - other.value if higher else other.value - estimate.value
    return ahead > math.hypot(*widths)


def number(value: float) -> str:
    """Write a value as verdicts have it."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def written(interval: tuple[float, float] | None) -> str:
    """Write an interval; a dash where there is none."""
    return "–" if interval is None else f"[{number(interval[0])}, {number(interval[1])}]"


def beside(estimate: Estimate, shuffled: Reference, untrained: Reference) -> str:
    """Write an estimate with both references."""
    parts = [number(estimate.value)]
    if shuffled.estimate is not None:
        parts.append(f"{number(shuffled.estimate.value)} with shuffled inputs")
    if untrained.estimate is not None:
        parts.append(f"{number(untrained.estimate.value)} untrained")
    return ", ".join(parts)


def against_references(
    estimate: Estimate, shuffled: Reference, untrained: Reference, *, higher: bool, fault: str, failed: str
) -> Verdict:
    """Judge a measurement that training should move away from both references.

    :param higher: whether higher is better.
    :param fault: the name of the failure where it is no better than with shuffled inputs.
    :param failed: what that means, as a sentence.
    """
    said = beside(estimate, shuffled, untrained)
    if shuffled.estimate is not None and not beyond_chance(estimate, shuffled.estimate, higher=higher):
        if estimate.n < FEW:
            return Verdict("unclear", f"{said}: {estimate.n} items are too few to tell it from shuffled inputs")
        return Verdict("fault", f"{said}: {failed}", fault)
    if untrained.estimate is not None and not beyond(estimate, untrained.estimate, higher=higher):
        if estimate.n < FEW:
            return Verdict("unclear", f"{said}: {estimate.n} items are too few to tell it from an untrained model")
        return Verdict("weak", f"{said}: better than with shuffled inputs, and no better than an untrained model")
    clear = "both references" if untrained.estimate is not None else "shuffled inputs"
    return Verdict("sound", f"{said}: clear of {clear}")

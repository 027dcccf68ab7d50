"""Plots of measurements as inline SVG: a value beside its references on one scale, and curves along phases."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from fashionbench.control_characters import one_line
from fashionbench.diagnostics.verdicts import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.diagnostics.measurement import Curve, Estimate, Measurement

_WIDTH, _LEFT, _RIGHT, _ROW = 420, 82, 16, 20
#: Told apart by people who see no red or no green (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_DIM = "#888888"


def interval_plot(measurement: Measurement) -> Markup:
    """Draw the model's value, that of shuffled inputs and that of an untrained model, each with its interval."""
    sides: list[tuple[str, Estimate, str]] = [
        (label, estimate, colour)
        for label, estimate, colour in (
            ("model", measurement.estimate, _COLOURS[0]),
            ("shuffled", measurement.shuffled.estimate, _DIM),
            ("untrained", measurement.untrained.estimate, _COLOURS[1]),
        )
        if estimate is not None and math.isfinite(estimate.value)
    ]
    if not sides:
        return Markup()
    ends = [end for _, estimate, _ in sides for end in (estimate.value, *(estimate.interval or ()))]
    scale = _Scale(min(ends), max(ends), _LEFT, _WIDTH - _RIGHT)
    height = _ROW * len(sides) + 22
    base = height - 18
    parts = [_ticks(scale, base)]
    for at, (label, estimate, colour) in enumerate(sides):
        y = 12 + _ROW * at
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{label}</text>')
        if estimate.interval is not None:
            low, high = (scale.place(end) for end in estimate.interval)
            parts.append(f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        parts.append(
            f'<circle cx="{scale.place(estimate.value):.1f}" cy="{y}" r="4.5" fill="{colour}">'
            f"<title>{label}: {number(estimate.value)}</title></circle>"
        )
    said = ", ".join(f"{label} {number(estimate.value)}" for label, estimate, _ in sides)
    return _svg(height, f"{measurement.title}: {said}", parts)


def curve_plot(title: str, curves: Sequence[Curve]) -> Markup:
    """Draw values along phases, one line a curve; the phases stand below in the order of the first curve."""
    places = list(dict.fromkeys(label for curve in curves for label, _ in curve.points))
    values = [value for curve in curves for _, value in curve.points if math.isfinite(value)]
    if len(places) < 2 or not values:
        return Markup()
    height = 160
    up = _Scale(min(0.0, *values), max(values), height - 30, 12)
    step = (_WIDTH - _LEFT - _RIGHT - 20) / (len(places) - 1)
    across = {label: _LEFT + 10 + step * at for at, label in enumerate(places)}
    parts = [
        f'<path d="M{_LEFT} {up.place(at):.1f}H{_WIDTH - _RIGHT}" stroke="{_DIM}" stroke-opacity="0.35"/>'
        f'<text x="{_LEFT - 6}" y="{up.place(at) + 4:.1f}" text-anchor="end">{number(at)}</text>'
        for at in up.ticks(4)
    ]
    parts += [
        f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{escape(one_line(label))}</text>'
        for label, x in across.items()
    ]
    for at, curve in enumerate(curves):
        colour = _COLOURS[at % len(_COLOURS)]
        points = [(across[label], up.place(value)) for label, value in curve.points if math.isfinite(value)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return _svg(height, title, parts)


def _svg(height: float, said: str, parts: Sequence[str]) -> Markup:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(one_line(said))}" font-family="sans-serif" font-size="11" fill="currentColor">'
    )
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704  # numbers, and texts that are escaped


def _ticks(scale: _Scale, base: float) -> str:
    return "".join(
        f'<path d="M{scale.place(at):.1f} 2V{base}" stroke="{_DIM}" stroke-opacity="0.35"/>'
        f'<text x="{scale.place(at):.1f}" y="{base + 13}" text-anchor="middle">{number(at)}</text>'
        for at in scale.ticks(5)
    )


class _Scale:
    """A scale from values to places, a little wider than the values.

    :param start: the place of the lowest value.
    """

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        # One value alone stands in the middle.
        width = (high - low) or (abs(low) or 1.0)
        self._low, self._high = low - 0.05 * width, high + 0.05 * width
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Return the place of a value."""
        return self._start + (value - self._low) / (self._high - self._low) * (self._end - self._start)

    def ticks(self, most: int) -> list[float]:
        """Return at most so many round values: steps of 1, 2 or 5 times a power of ten."""
        power = math.floor(math.log10((self._high - self._low) / most))
        step = next(
            size
            for exponent in (power, power + 1)
            for factor in (1, 2, 5)
            if (self._high - self._low) / (size := factor * 10.0**exponent) <= most
        )
        first, last = math.ceil(self._low / step), math.floor(self._high / step)
        # Not added up: 0.1 + 0.2 is not 0.3.
        return [at * step for at in range(first, last + 1)]

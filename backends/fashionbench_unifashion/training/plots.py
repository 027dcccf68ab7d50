"""Plot of a phase's losses and measures over its steps, as SVG."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from fashionbench import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: What is no loss and has an axis of its own.
DRIFT = ("cosine", "cka language", "cka diffusion")
_QUIET = frozenset({"step", "lr", "gradient"})

_WIDTH, _HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 130, 28, 40
#: Told apart by people who see no red or no green (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c8c00")


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Average each value with those before it, at most ``window`` of them."""
    return [
        sum(values[max(0, at - window + 1) : at + 1]) / len(values[max(0, at - window + 1) : at + 1])
        for at in range(len(values))
    ]


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round values between two, at most so many: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    power = math.floor(math.log10((high - low) / most))
    step = next(s for e in (power, power + 1) for f in (1, 2, 5) if (high - low) / (s := f * 10.0**e) <= most - 1)
    # Not added up: 0.1 + 0.2 is not 0.3.
    return [at * step for at in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def draw(title: str, lines: Sequence[dict[str, float]], path: Path) -> Path:
    """Draw losses (left), what was measured on held-out examples (middle) and, where it was, the drift (right)."""
    names = list(dict.fromkeys(name for line in lines for name in line if name not in _QUIET))
    groups = [
        ("loss", [name for name in names if not name.startswith("held/") and name not in DRIFT]),
        ("held out", [name for name in names if name.startswith("held/")]),
        ("drift", [name for name in names if name in DRIFT]),
    ]
    shown = [
        (label, {name.removeprefix("held/"): _curve(name, lines) for name in members})
        for label, members in groups
        if members
    ]
    panels = [_panel(f"{title}: {label}", curves, at * _WIDTH) for at, (label, curves) in enumerate(shown)]
    size = f'width="{_WIDTH * len(panels)}" height="{_HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    background = '<rect width="100%" height="100%" fill="white"/>'
    files.write_text(path, "\n".join([head, background, *panels, "</svg>"]) + "\n")
    return path


def _curve(name: str, lines: Sequence[dict[str, float]]) -> list[tuple[float, float]]:
    points = [(line["step"], line[name]) for line in lines if name in line and math.isfinite(line[name])]
    values = smooth([value for _, value in points], max(1, len(points) // 50))
    return [(step, value) for (step, _), value in zip(points, values, strict=True)]


def _panel(title: str, curves: dict[str, list[tuple[float, float]]], left: int) -> str:
    """Draw curves with axes and a legend."""
    steps, values = ([point[axis] for curve in curves.values() for point in curve] or [0.0] for axis in (0, 1))
    across = _Axis(min(steps), max(steps), left + _LEFT, left + _WIDTH - _RIGHT)
    up = _Axis(min(values), max(values), _HEIGHT - _BOTTOM, _TOP)
    parts = [f'<text x="{left + _LEFT}" y="18" font-weight="bold">{escape(title)}</text>']
    parts += [
        f'<path d="M{across.start} {up.place(at):.1f}H{across.end}" stroke="#ddd"/>'
        f'<text x="{across.start - 5}" y="{up.place(at) + 4:.1f}" text-anchor="end">{at:.6g}</text>'
        for at in ticks(up.low, up.high)
    ]
    parts += [
        f'<path d="M{across.place(at):.1f} {up.start}V{up.end}" stroke="#ddd"/>'
        f'<text x="{across.place(at):.1f}" y="{up.start + 15}" text-anchor="middle">{at:.6g}</text>'
        for at in ticks(across.low, across.high)
    ]
    parts.append(f'<text x="{(across.start + across.end) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">step</text>')
    for at, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        points = " ".join(f"{across.place(step):.1f},{up.place(value):.1f}" for step, value in curve)
        # A curve of one point is a dot.
        parts.append(
            f'<polyline points="{points} {points if len(curve) == 1 else ""}" fill="none" stroke="{colour}" '
            f'stroke-width="{4 if len(curve) == 1 else 1.5}" stroke-linecap="round">'
            f"<title>{escape(name)}</title></polyline>"
        )
        parts.append(f'<text x="{across.end + 6}" y="{_TOP + 14 * at + 8}" fill="{colour}">{escape(name)}</text>')
    return "\n".join(parts)


class _Axis:
    """A scale from values to places.

    :param start: the place of the lowest value.
    :param end: the place of the highest value.
    """

    def __init__(self, low: float, high: float, start: int, end: int) -> None:
        # One value alone stands in the middle.
        self.low, self.high = (low, high) if high > low else (low - 0.5, high + 0.5)
        self.start, self.end = start, end

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

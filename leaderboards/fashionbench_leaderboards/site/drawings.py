"""Drawings of intervals, rank sets, groups and lines as inline SVG in the colour of the text, each with a title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from fashionbench.boards.text import figure, number
from fashionbench.control_characters import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.table import Value

_WIDTH, _HEIGHT, _MARGIN = 92, 12, 4
_RANKS = 5  # height of a rank set
_LINE, _AXIS, _BAR = 18, 150, 9  # of groups: height of a row, width of the axis of values, distance of bars
_LONG, _HIGH = 180, 36  # of a line over time


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale that all intervals of a column share."""

    low: float
    high: float

    @classmethod
    def of(cls, column: Sequence[Value]) -> Scale:
        """Make the scale that takes in every value and interval of a column."""
        ends = [end for one in column if one.value is not None for end in (one.value, *(one.interval or ()))]
        return cls(min(ends, default=0.0), max(ends, default=0.0))

    def interval(self, value: Value) -> str:
        """Draw a value with its interval; nothing where it has no interval."""
        if value.interval is None or value.value is None:
            return ""
        factor = (_WIDTH - 2 * _MARGIN) / ((self.high - self.low) or 1.0)
        places = (value.interval[0], value.value, value.interval[1])
        left, dot, right = (_MARGIN + factor * (place - self.low) for place in places)
        said = f"{number(value)}, 95 % interval {' to '.join(figure(end, value.unit) for end in value.interval)}"
        level = f'y1="{_HEIGHT / 2:g}" y2="{_HEIGHT / 2:g}" stroke="currentColor"'
        return Markup(  # noqa: S704  # numbers alone, and a text that is escaped
            f'<svg class="interval" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">'
            f"<title>{escape(one_line(said))}</title>"
            f'<line x1="0" x2="{_WIDTH}" {level} stroke-opacity="0.2"/>'
            f'<line x1="{left:.1f}" x2="{right:.1f}" {level} stroke-width="2"/>'
            f'<circle cx="{dot:.1f}" cy="{_HEIGHT / 2:g}" r="3.5" fill="currentColor"/></svg>'
        )


def rank_drawing(ranks: tuple[int, int], places: int) -> str:
    """Draw the ranks that a row may have as a bar on the line of all places, the first on the left."""
    step = (_WIDTH - 2 * _MARGIN) / max(places, 1)
    left, right = _MARGIN + step * (ranks[0] - 1), _MARGIN + step * ranks[1]
    said = f"places {ranks[0]} to {ranks[1]} of {places}"
    level = f'y1="{_RANKS / 2:g}" y2="{_RANKS / 2:g}" stroke="currentColor"'
    return Markup(  # noqa: S704  # numbers alone
        f'<svg class="ranks" viewBox="0 0 {_WIDTH} {_RANKS}" width="{_WIDTH}" height="{_RANKS}" role="img">'
        f"<title>{said}</title>"
        f'<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" {level} stroke-opacity="0.2"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" {level} stroke-width="4"/></svg>'
    )


def groups_drawing(values: Sequence[float], groups: Sequence[Sequence[int]], said: str) -> str:
    """Draw rows under each other, best first: a dot at each value, and a bar beside each group.

    :param values: in the order that is drawn.
    :param groups: places in that order, of rows that cannot be told apart.
    :param said: what the drawing shows, in words.
    """
    low, high = min(values), max(values)
    factor = (_AXIS - 2 * _MARGIN) / ((high - low) or 1.0)
    wide, tall = _AXIS + _BAR * len(groups) + _MARGIN, _LINE * len(values)
    drawn = [
        f'<circle cx="{_MARGIN + factor * (value - low):.1f}" cy="{_LINE * (at + 0.5):g}" r="3.5" fill="currentColor"/>'
        for at, value in enumerate(values)
    ]
    for place, group in enumerate(groups):
        x = _AXIS + _BAR * (place + 0.5)
        top, bottom = _LINE * min(group) + _MARGIN, _LINE * (max(group) + 1) - _MARGIN
        drawn.append(f'<line x1="{x:g}" x2="{x:g}" y1="{top}" y2="{bottom}" stroke="currentColor" stroke-width="3"/>')
    head = f'<svg class="groups" viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" role="img">'
    return Markup(f"{head}<title>{escape(one_line(said))}</title>{''.join(drawn)}</svg>")  # noqa: S704  # as above


def line_drawing(parts: Sequence[Sequence[float]], said: str) -> str:
    """Draw values in their order as a line, broken between the parts.

    :param said: what the drawing shows, in words.
    """
    values = [value for part in parts for value in part]
    low, high = min(values), max(values)
    step = (_LONG - 2 * _MARGIN) / max(len(values) - 1, 1)
    factor = (_HIGH - 2 * _MARGIN) / ((high - low) or 1.0)
    drawn: list[str] = []
    at = 0
    for part in parts:
        places = [(_MARGIN + step * (at + n), _HIGH - _MARGIN - factor * (value - low)) for n, value in enumerate(part)]
        at += len(part)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="1.5"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/>' for x, y in places]
    head = f'<svg viewBox="0 0 {_LONG} {_HIGH}" width="{_LONG}" height="{_HIGH}" role="img">'
    return Markup(f"{head}<title>{escape(one_line(said))}</title>{''.join(drawn)}</svg>")  # noqa: S704  # as above

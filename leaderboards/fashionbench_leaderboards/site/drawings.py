"""Drawings of intervals as inline SVG: in the colour of the text, with a title for those who cannot see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from fashionbench.boards.text import figure, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.table import Value

_WIDTH, _HEIGHT, _MARGIN = 92, 12, 4


def interval_drawing(value: Value, column: Sequence[Value]) -> str:
    """Draw a value with its interval, on one scale for the whole column; nothing where it has no interval."""
    if value.interval is None or value.value is None:
        return ""
    ends = [end for other in column if other.value is not None for end in (other.value, *(other.interval or ()))]
    low, high = min(ends), max(ends)
    scale = (_WIDTH - 2 * _MARGIN) / ((high - low) or 1.0)
    left, dot, right = (_MARGIN + scale * (at - low) for at in (value.interval[0], value.value, value.interval[1]))
    middle = _HEIGHT / 2
    bounds = " to ".join(figure(end, value.unit) for end in value.interval)
    said = f"{number(value)}, 95 % interval {bounds}"
    level = f'y1="{middle:g}" y2="{middle:g}" stroke="currentColor"'
    return Markup(  # noqa: S704  # numbers alone, and a text that is escaped
        f'<svg class="interval" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f"<title>{escape(said)}</title>"
        f'<line x1="0" x2="{_WIDTH}" {level} stroke-opacity="0.2"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" {level} stroke-width="2"/>'
        f'<circle cx="{dot:.1f}" cy="{middle:g}" r="3.5" fill="currentColor"/></svg>'
    )

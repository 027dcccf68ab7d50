"""Comparisons as one self-contained HTML page: no network and no script, every text escaped."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fashionbench.control_characters import shown_in_html
from fashionbench.studies.comparison_text import HEADS, cells, notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.studies.comparison import Comparison, Difference
    from fashionbench.studies.flip_cases import FlipCases

_WIDTH, _HEIGHT = 180, 18


def page(comparisons: Sequence[Comparison], cases: Sequence[FlipCases] = ()) -> str:
    """Write the page.

    :param cases: of each comparison, what its items look like that changed most; empty for none.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown_in_html
    )
    template = files("fashionbench.studies").joinpath("comparison.html.j2").read_text(encoding="utf-8")
    made = environment.from_string(template).render(
        comparisons=comparisons,
        shown=list(cases) or [None] * len(comparisons),
        heads=HEADS,
        cells=cells,
        notes=notes,
        interval=interval_picture,
        embedded=embedded,
    )
    return made.rstrip() + "\n"


def embedded(content: bytes) -> str:
    """Write a WebP picture as the address of an image that needs no file."""
    return f"data:image/webp;base64,{b64encode(content).decode()}"


def interval_picture(one: Difference, others: Sequence[Difference]) -> str:
    """Draw the interval of a difference as SVG, on one scale for all that have its unit; 0 is in the middle."""
    if one.interval is None:
        return ""
    ends = [abs(end) for other in others if other.unit == one.unit for end in other.interval or ()]
    scale = (_WIDTH / 2 - 4) / (max(ends) or 1.0)
    low, middle, high = (_WIDTH / 2 + scale * value for value in (one.interval[0], one.difference, one.interval[1]))
    return Markup(  # noqa: S704  # numbers alone
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="interval of the difference">'
        f'<line x1="{_WIDTH / 2}" y1="0" x2="{_WIDTH / 2}" y2="{_HEIGHT}" stroke="currentColor" stroke-opacity="0.35"/>'
        f'<line x1="{low:.1f}" y1="9" x2="{high:.1f}" y2="9" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{middle:.1f}" cy="9" r="4" fill="currentColor"/></svg>'
    )

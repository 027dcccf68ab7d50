"""A diagnosis as one self-contained HTML page: no network and no script, every text escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fashionbench.control_characters import shown_in_html
from fashionbench.diagnostics.diagnosis import GROUPS
from fashionbench.diagnostics.plots import curve_plot, interval_plot
from fashionbench.diagnostics.verdicts import number, written

if TYPE_CHECKING:
    from fashionbench.diagnostics.diagnosis import Diagnosis

#: What the levels of verdicts are called on the page.
LEVELS = {
    "sound": "sound",
    "weak": "weak",
    "fault": "known failure",
    "unclear": "cannot tell",
    "described": "described",
    "absent": "does not apply",
}


def page(diagnosis: Diagnosis) -> str:
    """Write the page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown_in_html
    )
    template = files("fashionbench.diagnostics").joinpath("diagnosis.html.j2").read_text(encoding="utf-8")
    groups = {
        group: [one for one in diagnosis.measurements if one.group == group]
        for group in GROUPS
        if any(one.group == group for one in diagnosis.measurements)
    }
    made = environment.from_string(template).render(
        diagnosis=diagnosis,
        groups=groups,
        levels=LEVELS,
        number=number,
        written=written,
        plot=interval_plot,
        curves=curve_plot,
    )
    return made.rstrip() + "\n"

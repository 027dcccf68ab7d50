"""Fill the templates of pages; every text is escaped, and a name that is not given is an error."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from fashionbench.control_characters import shown_in_html

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a page of a site may do: show its own files, run its own scripts, and nothing else.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


def page(template: str, context: Mapping[str, object], *, policy: str = POLICY) -> str:
    """Fill a template."""
    return _environment().get_template(template).render({**context, "policy": policy}).rstrip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("fashionbench_leaderboards.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown_in_html,
    )

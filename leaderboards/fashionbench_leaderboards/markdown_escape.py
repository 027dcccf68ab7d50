"""Text that is read neither as Markdown nor as HTML."""

from __future__ import annotations

import re

from fashionbench.control_characters import one_line

#: Signs of Markdown, with those of GitHub that strike a text out and that begin a formula.
_SIGN = re.compile(r"[\\|`*_\[\]~$]")
#: What HTML would read as another sign.
_ENTITY = re.compile(r"&(?=#?\w+;)")


def escape(text: str) -> str:
    """Keep text from being read as Markdown or HTML, and in one line, whatever it holds."""
    plain = _ENTITY.sub("&amp;", _SIGN.sub(lambda found: f"\\{found.group()}", one_line(text)))
    return plain.replace("<", "&lt;").replace(">", "&gt;")

"""Text that is read neither as Markdown nor as HTML."""

from __future__ import annotations

from fashionbench.control_characters import one_line


def escape(text: str) -> str:
    """Keep text from being read as Markdown or HTML, and in one line, whatever it holds."""
    text = one_line(text)
    for sign in ("\\", "|", "`", "*", "_", "[", "]", "<", ">"):
        text = text.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return text

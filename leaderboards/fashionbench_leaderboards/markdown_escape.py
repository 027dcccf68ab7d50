"""Text that is read neither as Markdown nor as HTML."""

from __future__ import annotations


def escape(text: str) -> str:
    """Keep text from being read as Markdown or HTML."""
    for sign in ("\\", "|", "`", "*", "_", "[", "]", "<", ">"):
        text = text.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return text.replace("\n", " ")

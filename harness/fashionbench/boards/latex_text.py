"""Texts in LaTeX as they are, read neither as commands nor as ligatures."""

from __future__ import annotations

import re

from fashionbench.control_characters import one_line

_SIGNS = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "≥": r"$\geq$", "±": r"$\pm$", "–": "--", "−": "$-$", "×": r"$\times$",
})  # fmt: skip
#: Two of these beside each other become one sign, such as a dash or a quotation mark.
_LIGATURES = re.compile(r"([-'`,?!])(?=[-'`,])")


def latex_text(text: str) -> str:
    """Keep a text from being read as anything else, also at the beginning of a row of a table.

    Behind the end of a row, LaTeX takes a star or a bracket for what that command is told.
    """
    made = "{}".join(part.translate(_SIGNS) for part in _LIGATURES.sub("\\1\0", one_line(text)).split("\0"))
    return f"{{{made[0]}}}{made[1:]}" if made[:1] in {"[", "*"} else made

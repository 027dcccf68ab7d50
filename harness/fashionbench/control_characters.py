"""Take from a text what a terminal, a table or a reader would obey instead of showing it."""

from __future__ import annotations

import re

#: Sequences of terminals: titles and links (OSC), strings (DCS, SOS, PM, APC), colours and cursor (CSI), the rest.
_SEQUENCE = re.compile(
    "(?:\x1b\\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]*(?:\x1b\\\\|\x9c)?"
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|\x1b[ -/]*[0-~]?"
)
#: Signs that turn the direction of what follows.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_DROPPED = re.compile(f"[{_BIDI}]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile("\r\n|[\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]")
_SUSPECT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}]")
_IN_JSON = re.compile(f"[\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]")


def printable(text: str) -> str:
    """Return a text without sequences of terminals and signs of direction; other control characters become ``�``.

    Line feeds and tabs stay; a carriage return, by which a line could overwrite itself, becomes a line feed.
    """
    if not _SUSPECT.search(text):
        return text
    plain = _DROPPED.sub("", _SEQUENCE.sub("", text))
    return _CONTROL.sub("\ufffd", plain.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return a text as :func:`printable` does, in one line: whatever breaks a line, and a tab, becomes a space."""
    return printable(_BREAKS.sub(" ", text))


def shown_in_html(value: object) -> object:
    """Return what a template shows: a text as it is printable, and what is no plain text, such as markup, as it is."""
    return printable(value) if type(value) is str else value


def escaped_in_json(text: str) -> str:
    r"""Write as ``\uXXXX`` what JSON leaves as it is and a terminal obeys; the JSON text keeps its meaning."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)

"""Text as it is stored: without secrets, machine paths and control characters, and no longer than people read."""

from __future__ import annotations

from fashionbench.control_characters import printable
from fashionbench.records.path_names import without_paths
from fashionbench.redaction import redacted

#: Characters of one text that are kept; an error's message may hold the whole of a file.
LONGEST = 20_000


def stored_text(text: str) -> str:
    """Return a text as records keep it."""
    return without_paths(clean_text(text))


def clean_text(text: str) -> str:
    """Return a text as :func:`stored_text` does, with its paths."""
    # Cut before it is searched, and again behind: what was cut off must not bring back the half of a secret.
    most = LONGEST - 1000  # with what is said of the rest it is no longer than may be, and is not cut again
    begun = text if len(text) <= LONGEST else text[:most].rpartition(" ")[0] or text[:most]
    left = len(text) - len(begun)
    return redacted(printable(begun)) + (f" … ({left:,} characters more)" if left else "")

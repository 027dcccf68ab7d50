"""The summary of a job of GitHub Actions: Markdown that is appended to a file."""

from __future__ import annotations

import os
from pathlib import Path

#: The environment variable that names the file.
VARIABLE = "GITHUB_STEP_SUMMARY"
#: GitHub refuses the whole summary of a step beyond one mebibyte.
_LIMIT = 1_000_000


def append_summary(text: str) -> None:
    """Append Markdown to the job's summary, where there is one; what GitHub would refuse is cut at a line."""
    where = os.environ.get(VARIABLE)
    if not where:
        return
    path = Path(where)
    room = _LIMIT - (path.stat().st_size if path.is_file() else 0)
    content = text.encode()
    if len(content) > room:
        note = "\n\n**Cut here: the summary of a job has no more room.**\n"
        kept = content[: max(room - len(note.encode()), 0)].rpartition(b"\n")[0]
        content = kept + note.encode() if kept else b""
    with path.open("ab") as file:
        file.write(content)

"""Ask git about a work tree that a stranger may have made, and run no program that its configuration names."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: A work tree's own configuration may name programs to run; an archive that somebody unpacked is not to be obeyed.
_UNTRUSTED = (
    "--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.sshCommand=false", "-c", "core.pager=cat",
)  # fmt: skip
#: What a missing object is fetched with: nothing, for an address of a partial clone may be a command.
_NO_FETCH = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
#: Settings of a filter by which git takes a file for what it is not: programs, but for the last.
_OF_FILTERS = {"clean": "", "smudge": "", "process": "", "required": "false"}
_SECONDS = 20


def ask_git(folder: Path, *words: str) -> str | None:
    """Return what git prints, without white space at its ends; None where it fails or is not there."""
    # To compare a file that was touched, git passes it through the filters that attributes of the work tree name.
    return _run(folder, words, _without_filters(folder) if words[0] == "status" else {})


def _without_filters(folder: Path) -> dict[str, str]:
    """Return the variables that take from each filter the program that the work tree itself names for it."""
    listed = _run(folder, ("config", "--show-scope", "--null", "--name-only", "--get-regexp", r"^filter\."), {}) or ""
    fields = listed.split("\0")
    own = [key for scope, key in zip(fields[::2], fields[1::2], strict=False) if scope in {"local", "worktree"}]
    names = sorted({key.removeprefix("filter.").rpartition(".")[0] for key in own})
    settings = [(f"filter.{name}.{field}", value) for name in names for field, value in _OF_FILTERS.items()]
    # As variables: a name may hold an equals sign, which would end the key of an option -c.
    variables = {f"GIT_CONFIG_KEY_{at}": key for at, (key, _) in enumerate(settings)}
    variables |= {f"GIT_CONFIG_VALUE_{at}": value for at, (_, value) in enumerate(settings)}
    return {**variables, "GIT_CONFIG_COUNT": str(len(settings))} if settings else {}


def _run(folder: Path, words: tuple[str, ...], variables: dict[str, str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *_UNTRUSTED, "-C", str(folder), *words],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL,
            env={**os.environ, **_NO_FETCH, **variables},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

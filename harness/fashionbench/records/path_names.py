"""Cut absolute paths to their last name, for what is published says nothing of the machine or its user."""

from __future__ import annotations

import re

_SIGN = r"[^\s/\\:;,'\"<>|()\[\]{}]"
#: A name of a path; with up to two spaces where another name follows, since folders are called so too.
_NAME = rf"(?:{_SIGN}+(?: (?!-){_SIGN}+){{0,2}}(?=[/\\])|{_SIGN}+)"
_STEP = rf"(?:[/\\]+{_NAME})"
#: The folder of a user, whose name it tells.
_HOME = re.compile(rf"(?:/home|/Users|\b[A-Za-z]:[/\\]+Users)[/\\]+{_NAME}|(?<![\w./~-])/root(?![\w.-])")
#: An absolute path of two names or more, or one below a home or a drive; no address of the web, and no relative path.
_PATH = re.compile(rf"(?<![\w./\\:~-])(?:file://)?(?:~[\w.-]*{_STEP}+|[A-Za-z]:{_STEP}+|{_STEP}{{2,}})[/\\]*")


def without_paths(text: str) -> str:
    """Replace each absolute path of a text by its last name behind an ellipsis, and the folder of a user by a tilde."""
    return _PATH.sub(lambda found: "…/" + re.split(r"[/\\]", found.group().rstrip("/\\"))[-1], _HOME.sub("~", text))

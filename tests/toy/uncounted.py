"""Environment of a subprocess in which coverage counts no lines: counting them takes a third of its time."""

from __future__ import annotations

import os


def uncounted_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without coverage, for programs whose lines other tests count in this process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")} | more

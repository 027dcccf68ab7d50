"""How a process ended, in words."""

from __future__ import annotations

import signal


def ending(code: int) -> str:
    """Say it.

    :param code: as :mod:`subprocess` returns it, negative for a signal.
    """
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

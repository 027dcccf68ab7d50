"""Services that are told every figure of a training, such as Weights & Biases, by the trackers of accelerate."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def require(names: Sequence[str]) -> None:
    """Look for the packages of trackers before anything is trained.

    :raises ConfigError: naming the one that is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise ConfigError(f"the tracker {name} is not installed", remedy=f"pip install {name}, or leave it out")


def open_trackers(names: Sequence[str], run: str) -> list[Any]:
    """Begin a run with each tracker, on the main process; each has ``log(values, step)`` and ``finish()``.

    :param run: what the run is called there.
    """
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS  # noqa: PLC0415

    trackers = [LOGGER_TYPE_TO_CLASS[name](run) for name in names]
    for tracker in trackers:
        # Since accelerate 1.x a tracker begins its run when it is told to.
        if hasattr(tracker, "start"):
            tracker.start()
    return trackers

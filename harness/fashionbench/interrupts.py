"""Ctrl-C, SIGTERM and SIGHUP, told from a KeyboardInterrupt that a plugin raises."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@dataclass(slots=True)
class Watch:
    """Whether a signal asked this process to end since the watch began."""

    process: int
    asked: bool = False


_watches: list[Watch] = []


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Watch for Ctrl-C, and take SIGTERM for it, and SIGHUP of a terminal that is closed, so that all clean up alike.

    Signals that somebody else handles are left to them. Signals reach the main thread alone; in another, nothing is
    watched.
    """
    if _watches or threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    defaults = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ends, signal.SIG_DFL)}
    ours = {number: usual for number, usual in defaults.items() if signal.getsignal(number) is usual}
    # Where Ctrl-C is ignored, as below nohup, no KeyboardInterrupt comes from it.
    if signal.SIGINT not in ours and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    _watches.append(Watch(os.getpid()))
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, usual in ours.items():
            signal.signal(number, usual)
        _watches.clear()


def is_asked() -> bool:
    """Tell whether a signal was behind a KeyboardInterrupt; where nobody watches, it is taken to have been."""
    return not _watches or _watches[-1].asked


def check() -> None:
    """Raise again what a plugin has swallowed.

    :raises KeyboardInterrupt: where a signal has asked this process to end.
    """
    if _watches and _watches[-1].asked:
        raise KeyboardInterrupt


def _interrupt(number: int, _frame: FrameType | None) -> None:
    watch = _watches[-1] if _watches else None
    if watch is None or watch.process != os.getpid():  # a child that was forked: it ends as children do
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    watch.asked = True
    raise KeyboardInterrupt

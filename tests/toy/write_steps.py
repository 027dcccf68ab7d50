"""Do something at the n-th step in which files are written: end the process, or find the disk full."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a writer asks of the system: a temporary file, its bytes on the disk, its name.
STEPS = ("open", "fsync", "replace")


def full(_name: str) -> None:
    """Find the disk full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed(_name: str) -> None:
    """End the process as a power cut would: nothing of it is run any more."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def at_step(number: int, act: Callable[[str], None]) -> Iterator[list[str]]:
    """Act at the step of this number, counted from 0, and at each one after it; gives the list of steps so far."""
    steps: list[str] = []

    def wrapped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **more: Any) -> Any:
            writes = name != "open" or (
                len(arguments) > 1 and isinstance(arguments[1], int) and arguments[1] & os.O_CREAT
            )
            if writes:
                steps.append(name)
                if len(steps) > number:
                    act(name)
            return call(*arguments, **more)

        return step

    with contextlib.ExitStack() as stack:
        for name in STEPS:
            stack.enter_context(mock.patch.object(os, name, wrapped(name, getattr(os, name))))
        yield steps

"""A folder that may be read and not written, also by root: without the capability to pass over permissions."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VERSION, _DAC_OVERRIDE = 0x20080522, 1


@contextlib.contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Close a folder and all below it for writing."""
    below = [folder, *folder.rglob("*")]
    for path in below:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with _no_override():
            yield
    finally:
        for path in below:
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def _no_override() -> Iterator[None]:
    if os.geteuid() != 0 or sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, of the lower and the upper half
    assert libc.capget(head, sets) == 0, os.strerror(ctypes.get_errno())
    before = sets[0]
    sets[0] = before & ~(1 << _DAC_OVERRIDE)
    assert libc.capset(head, sets) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(head, sets) == 0

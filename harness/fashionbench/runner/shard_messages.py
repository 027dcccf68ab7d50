"""What is said between the process of a cell and those that answer its batches: calls, results and errors as bytes.

Both ends are processes of one run, which trust each other; nothing that is read from a file or a network is unpickled.
"""

from __future__ import annotations

import contextlib
import io
import pickle
from types import MappingProxyType
from typing import Any

from fashionbench.errors import ELSEWHERE, FashionBenchError, text_of, trace
from fashionbench.runner.batching import out_of_memory


class _Pickler(pickle.Pickler):
    """Takes read-only mappings too, which items have."""

    def reducer_override(self, value: Any) -> Any:
        """Say how a read-only mapping is made again."""
        return (_read_only, (dict(value),)) if type(value) is MappingProxyType else NotImplemented


def _read_only(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


def packed(value: object) -> bytes:
    """Return a value as bytes.

    :raises Exception: where it holds what cannot travel, such as an open file.
    """
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def unpacked(content: bytes) -> Any:
    """Return what :func:`packed` was given."""
    return pickle.loads(content)  # noqa: S301  # of a process of this run


def packed_error(error: Exception) -> bytes:
    """Return an answer that says what was raised; an error that cannot travel by its name and text."""
    own = b""
    with contextlib.suppress(Exception):
        own = packed(error)
    remedy = error.remedy if isinstance(error, FashionBenchError) else None
    text = error.message if isinstance(error, FashionBenchError) else text_of(error)
    return packed(("raised", own, type(error).__name__, text, remedy, out_of_memory(error), trace(error)))


def packed_result(value: object) -> bytes:
    """Return an answer."""
    return packed(("result", value))


def result_of(content: bytes) -> Any:
    """Return the result that an answer holds.

    :raises Exception: what was raised in the other process, with its traceback there.
    """
    answer = unpacked(content)
    if answer[0] == "result":
        return answer[1]
    _, own, name, text, remedy, memory, where = answer
    error: Any = None
    with contextlib.suppress(Exception):  # its type may be known to the other process alone
        error = unpacked(own) if own else None
    if not isinstance(error, Exception):
        base = FashionBenchError if remedy is not None else MemoryError if memory else Exception
        made = type(name, (base,), {})
        error = made(text) if remedy is None else made(text, remedy=remedy)
    with contextlib.suppress(Exception):
        setattr(error, ELSEWHERE, where)
    raise error

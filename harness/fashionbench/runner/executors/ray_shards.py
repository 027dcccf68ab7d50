"""Actors of a Ray cluster that answer the batches of a cell, in the placement group of the worker that executes it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ExecutorError
from fashionbench.runner.executors.contract import LOST_REMEDY
from fashionbench.runner.executors.shard_server import ShardServer, call_of
from fashionbench.runner.sharded_backend import BackendShards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: How many seconds an actor has to remove what it wrote before it is ended.
_PATIENCE = 2


def begin_actor(fields: Mapping[str, Any]) -> None:
    """Let an actor stand where the run does, and import nothing from there unless the user brings a folder."""
    sys.argv = fields["command"]  # which records name
    if not fields["brought"]:
        sys.path[:] = [path for path in sys.path if path not in {"", fields["folder"], os.getcwd()}]  # noqa: PTH109
        if Path(fields["folder"]).is_dir():
            os.chdir(fields["folder"])


def ray_shards(fields: Mapping[str, Any], note: Callable[[str], object]) -> BackendShards | None:
    """Return the actors that share the cells of a worker; None where it is alone.

    :param fields: what the worker was told; ``needs`` is what each actor has of a machine.
    :param note: takes a line for people.
    """
    count = int(fields["shards"])
    return BackendShards(count, lambda at: RayShardHandle(fields, at, count), note) if count > 1 else None


class RayShard:
    """The actor."""

    def __init__(self, fields: dict[str, Any]) -> None:
        begin_actor(fields)
        self._scratch = tempfile.TemporaryDirectory(prefix="fashionbench-")
        self._server = ShardServer(fields["config"], Path(self._scratch.name))

    def answer(self, call: bytes) -> bytes:
        """Answer a call of a :class:`~.sharded_backend.ShardedBackend`."""
        return self._server.answer(call_of(call))

    def clear(self) -> None:
        """Remove what was written on this machine for a while."""
        self._scratch.cleanup()


class RayShardHandle:
    """An actor as the worker sees it."""

    def __init__(self, fields: Mapping[str, Any], at: int, count: int) -> None:
        import ray  # noqa: PLC0415

        self._name = f"actor {at + 1} of the {count} that share this cell"
        self._open: set[Future[bytes]] = set()
        self._lost = False
        self._actor = ray.remote(RayShard).options(max_restarts=0, **fields["needs"]).remote(dict(fields))

    @property
    def waiting(self) -> int:
        """How many calls are not answered yet."""
        return len(self._open)

    @property
    def lost(self) -> bool:
        """Whether it is gone."""
        return self._lost

    def send(self, call: bytes) -> Future[bytes]:
        """Send a call."""
        answer: Future[bytes] = Future()
        self._open.add(answer)

        def done(answered: Future[bytes]) -> None:
            self._open.discard(answer)
            error = answered.exception()
            if error is None:
                answer.set_result(answered.result())
                return
            self._lost = True
            said = str(error).strip().partition("\n")[0]
            msg = f"{self._name} is gone ({type(error).__name__}: {said}); what was computed before is kept"
            answer.set_exception(ExecutorError(msg, remedy=LOST_REMEDY))

        self._actor.answer.remote(call).future().add_done_callback(done)
        return answer

    def end(self) -> None:
        """End it at once."""
        import ray  # noqa: PLC0415

        with contextlib.suppress(Exception):  # one that is gone, or that answers a call
            ray.get(self._actor.clear.remote(), timeout=_PATIENCE)
        ray.kill(self._actor)

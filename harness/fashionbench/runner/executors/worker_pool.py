"""Give jobs to workers, wherever these are, and hear what becomes of them; a job of a lost worker is tried again."""

from __future__ import annotations

import os
import queue
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fashionbench.errors import ExecutorError
from fashionbench.records.schema import Record
from fashionbench.runner.executors.contract import Begun, Finished, Lost
from fashionbench.runner.executors.job_queue import JobQueue
from fashionbench.runner.executors.shared_progress import SharedProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from fashionbench.progress import Reporter
    from fashionbench.runner.executors.contract import Event, Job

#: What workers say, with the number of the worker; the last that one says is that it is gone, and why.
Messages: TypeAlias = "queue.SimpleQueue[tuple[int, list[Any]]]"
#: Seconds after which a wait looks for Ctrl-C.
_PAUSE = 1.0


class Worker(Protocol):
    """A worker somewhere."""

    def fits(self, job: Job) -> bool:
        """Tell whether it has what a job needs."""
        ...

    def send(self, job: Job) -> None:
        """Give it a job."""
        ...

    def end(self) -> None:
        """End it at once, and what it has started."""
        ...


@dataclass(slots=True)
class _Place:
    """A place for a worker.

    :param number: of the worker that is there; each has another one.
    :param loaded: what it has loaded.
    """

    worker: Worker | None = None
    number: int = -1
    loaded: str = ""
    job: Job | None = None


class WorkerPool:
    """Some places for workers.

    :param start: starts a worker for a job, given the place, its number, and where it says what it has to say.
    :param retries: how often a job is tried again whose worker was lost.
    :param release: whether to end a worker that has nothing to do at the moment, for others wait for what it holds.
    """

    def __init__(
        self, start: Callable[[int, int, Job, Messages], Worker], places: int, retries: int, *, release: bool = False
    ) -> None:
        self._release = release
        self._start = start
        self._places = [_Place() for _ in range(places)]
        self._retries = retries
        self._messages: Messages = queue.SimpleQueue()
        self._lost: Counter[str] = Counter()
        self._started = 0

    def run(self, jobs: Sequence[Job], reporter: Reporter) -> Generator[Event]:
        """Run jobs; all workers end with it."""
        waiting, shown = JobQueue(jobs), SharedProgress(reporter, len(self._places))
        try:
            while True:
                for at, place in enumerate(self._places):
                    if place.job is None and (job := self._next(waiting, place)) is not None:
                        self._give(at, place, job)
                        if not self._lost[job.key]:
                            yield Begun(job)
                    elif place.job is None and place.worker is not None and self._release:
                        place.worker.end()
                        place.worker, place.loaded = None, ""
                if all(place.job is None for place in self._places):
                    return
                yield from self._heard(waiting, shown)
        finally:
            for place in self._places:
                if place.worker is not None:
                    place.worker.end()

    def _next(self, waiting: JobQueue, place: _Place) -> Job | None:
        return waiting.take(place.loaded, {one.loaded for one in self._places if one is not place})

    def _give(self, at: int, place: _Place, job: Job) -> None:
        if place.worker is not None and not place.worker.fits(job):
            place.worker.end()
            place.worker = None
        if place.worker is None:
            self._started += 1
            place.number = self._started
            place.worker = self._start(at, place.number, job, self._messages)
        place.job, place.loaded = job, job.loads
        place.worker.send(job)

    def _heard(self, waiting: JobQueue, shown: SharedProgress) -> Generator[Event]:
        """Hear one thing."""
        try:
            number, said = self._messages.get(timeout=_PAUSE)
        except queue.Empty:
            return
        place = next((one for one in self._places if one.number == number and one.worker is not None), None)
        if place is None:  # it was ended since
            return
        match said:
            case ["done", str() as key, dict() as fields] if place.job is not None and key == place.job.key:
                job, place.job = place.job, None
                record = Record.model_validate(fields)
                shown.over(number)
                yield Finished(job, record)
                shown.go_on()
                waiting.done(job, failed=record.error is not None)
            case ["gone", reason]:
                yield from self._gone(place, str(reason), waiting, shown)
            case ["disk", error, text, name]:
                raise OSError(error, text or os.strerror(error), name or None)
            case ["refused", message, remedy]:
                raise ExecutorError(str(message), remedy=str(remedy))
            case _:
                shown.show(number, said)

    def _gone(self, place: _Place, reason: str, waiting: JobQueue, shown: SharedProgress) -> Generator[Event]:
        shown.over(place.number)
        if place.worker is not None:
            place.worker.end()
        job = place.job
        place.worker, place.loaded, place.job = None, "", None
        if job is None:
            return
        self._lost[job.key] += 1
        if self._lost[job.key] <= self._retries:
            shown.note(f"{job.name}: {reason}; it is tried again")
            waiting.put_back(job)
            return
        tries = self._lost[job.key]
        yield Lost(job, f"{reason}, the last of {tries} times" if tries > 1 else reason)
        shown.go_on()
        waiting.done(job, failed=True)

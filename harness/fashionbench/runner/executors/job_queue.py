"""The jobs of a run that are still to be given to a worker, and which one comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fashionbench.runner.executors.contract import Job


class JobQueue:
    """Jobs by what waits for them, by what a worker has loaded, and by how long they take.

    Trainings come first, that with the most behind it at first. A worker goes on with the backend that it has loaded;
    another one takes up the backend that has most left and that nobody has loaded, or else the longest job.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._waiting = list(jobs)
        self._open = {job.key for job in jobs}
        self._behind = {job.key: sum(one.seconds for one in jobs if job.key in one.needs) for job in jobs}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, loaded: str, elsewhere: Collection[str] = ()) -> Job | None:
        """Take the next job of a worker; None where each that is left waits for a training.

        :param loaded: what it has loaded.
        :param elsewhere: what other workers have.
        """
        ready = [job for job in self._waiting if not self._open.intersection(job.needs)]
        if not ready:
            return None
        left: dict[str, float] = {}
        for job in ready:
            left[job.loads] = left.get(job.loads, 0.0) + job.seconds

        def order(job: Job) -> tuple[float, bool, bool, float, float]:
            return (-self._behind[job.key], job.loads != loaded, job.loads in elsewhere, -left[job.loads], -job.seconds)

        job = min(ready, key=order)
        self._waiting.remove(job)
        return job

    def put_back(self, job: Job) -> None:
        """Take back a job whose worker was lost."""
        self._waiting.insert(0, job)

    def done(self, job: Job, *, failed: bool) -> None:
        """Note that a job is over; what waits for one that failed is dropped."""
        if failed:
            self._waiting = [one for one in self._waiting if job.key not in one.needs]
        self._open.discard(job.key)

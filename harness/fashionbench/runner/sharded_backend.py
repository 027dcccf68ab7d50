"""A backend in several processes, each of which answers some of the batches of a cell.

Batches are cut as one process cuts them, and their answers taken in that order, so that their number changes the time
and nothing else. The process of the cell alone writes: the cache, the files of galleries, predictions and images.
"""

from __future__ import annotations

from collections import Counter
from pickle import PickleError
from typing import TYPE_CHECKING, Any, Protocol

from fashionbench.errors import as_error, first_names, message_of
from fashionbench.runner.shard_messages import packed, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from fashionbench.runner.asked_backend import AskedBackend, BackendHere
    from fashionbench.runner.batch_request import BatchRequest


class ShardWorker(Protocol):
    """A process that answers the calls of a :class:`~.executors.shard_server.ShardServer`, one after the other."""

    @property
    def waiting(self) -> int:
        """How many calls it has not answered yet."""
        ...

    @property
    def lost(self) -> bool:
        """Whether it is gone."""
        ...

    def send(self, call: bytes) -> Future[bytes]:
        """Send a call; of one that is gone the answer is an error that says how it ended."""
        ...

    def end(self) -> None:
        """End it at once."""
        ...


class BackendShards:
    """Processes that answer the batches of one cell after the other; they stay, and so does what they have loaded.

    :param count: how many there are, at least 2.
    :param start: starts one, given its number from 0.
    :param note: takes a line for people.
    """

    def __init__(self, count: int, start: Callable[[int], ShardWorker], note: Callable[[str], object]) -> None:
        self._count = count
        self._start = start
        self._note = note
        self._workers: list[ShardWorker] = []
        self._job: tuple[str, Mapping[str, Any]] = ("", {})
        self._name = ""

    def begin(self, key: str) -> None:
        """Begin with a job; :meth:`of_cell` says more of it, once the models of its trainings are there.

        :param key: by which a process finds the cell in its plan.
        """
        self._job = (key, {})

    def of_cell(self, name: str, options: Mapping[str, Any], *, stateless: bool) -> BackendShards | None:
        """Return these processes for a cell; None where its backend is not split, which people are told.

        :param options: of the backend, as they will be used.
        """
        self._name, self._job = name, (self._job[0], dict(options))
        if not stateless:
            said = "its specification does not say that answers depend on nothing that was asked before (stateless)"
            self._note(f"{name} is answered by one process: {said}")
            return None
        return self

    def built(self) -> AskedBackend:
        """Build the backend in each process, or take the one that is loaded there."""
        return self._told("build", *self._job)

    def handed_over(self, here: BackendHere) -> AskedBackend:
        """Send a backend that has learnt, or was shown the truth, to each process; one that cannot stays here."""
        try:
            content = packed(here.backend)
        except BaseException as raised:  # whatever its own code for that raises
            return self._kept_here(here, as_error(raised))
        try:
            return self._told("take", self._job[0], content)
        except (TypeError, AttributeError, ImportError, ValueError, EOFError, PickleError) as error:
            return self._kept_here(here, error)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _kept_here(self, here: BackendHere, error: Exception) -> AskedBackend:
        reason = f"what it has learnt cannot be sent to another: {message_of(error)}"
        self._note(f"{self._name} is answered by one process: {reason}")
        return here

    def _told(self, method: str, *arguments: object) -> ShardedBackend:
        for at, worker in enumerate(self._workers):
            if worker.lost:
                worker.end()
                self._workers[at] = self._start(at)
        self._workers += [self._start(at) for at in range(len(self._workers), self._count)]
        return ShardedBackend(self._workers, self._note, (method, arguments))


class ShardedBackend:
    """A backend that each of some processes has.

    :param note: takes a line for people.
    :param begin: the call by which each gets it, and its arguments.
    """

    def __init__(
        self, workers: list[ShardWorker], note: Callable[[str], object], begin: tuple[str, tuple[object, ...]]
    ) -> None:
        self._workers = workers
        self._note = note
        self._ask_all(begin[0], *begin[1])

    @property
    def ahead(self) -> int:
        """One batch that each computes and one that each decodes."""
        return 2 * len(self._workers) - 1

    def begin(self, request: BatchRequest) -> Callable[[], Any]:
        """Give a batch to the process that has least to do; return what waits for the answer."""
        # What is open already is sent; else the other process reads it.
        sources: Any = request.items() if request.guard is not None else list(request.sources)
        try:
            call = packed(("batch", (request.capability, request.argument, sources)))
        except Exception:  # what opens the items cannot travel, and items can
            call = packed(("batch", (request.capability, request.argument, request.items())))
        worker = min(self._workers, key=lambda one: one.waiting)
        answer = worker.send(call)
        return lambda: result_of(answer.result())

    def lacking(self, methods: Iterable[str]) -> list[str]:
        """Return those of some methods that it does not have."""
        found: list[str] = self._ask("lacking", sorted(methods))
        return found

    def fingerprint(self) -> str | None:
        """Return what it says of its weights."""
        said: str | None = self._ask("fingerprint")
        return said

    def precision(self) -> str:
        """Return the type that it computes in, where a value of it has two bytes."""
        said: str = self._ask("precision")
        return said

    def parameters(self) -> object:
        """Return its number of parameters."""
        return self._ask("parameters")

    def preprocessing(self) -> object:
        """Return what it says of its inputs, with the sums of what each process has counted.

        What the processes say differently all the same is said of each.
        """
        total: Counter[str] = Counter()
        for counters in self._ask_all("counters"):
            total.update(counters)
        said: dict[str, dict[str, list[int]]] = {}
        for at, facts in enumerate(self._ask_all("preprocessing", dict(total)), start=1):
            for name, text in facts.items():
                said.setdefault(name, {}).setdefault(text, []).append(at)
        differ = sorted(name for name, texts in said.items() if len(texts) > 1)
        if differ:
            remedy = "a backend that counts does so in its attribute counters, which are added up"
            self._note(f"warning: processes say different things of {first_names(differ)}: {remedy}")
        return {name: next(iter(texts)) if len(texts) == 1 else _of_each(texts) for name, texts in said.items()}

    def device(self) -> str | None:
        """Return the device on which the first process computed."""
        said: str = self._ask("device")
        return said

    def _ask_all(self, method: str, *arguments: object) -> list[Any]:
        """Call a method in each process."""
        call = packed((method, arguments))
        answers = [worker.send(call) for worker in self._workers]
        return [result_of(answer.result()) for answer in answers]

    def _ask(self, method: str, *arguments: object) -> Any:
        return result_of(self._workers[0].send(packed((method, arguments))).result())


def _of_each(texts: Mapping[str, Sequence[int]]) -> str:
    """Say what each process says, in order of the first that says it."""
    return "; ".join(f"process {', '.join(map(str, at))}: {text}" for text, at in texts.items())

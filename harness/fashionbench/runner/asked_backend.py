"""A backend that is asked for batches, in this process or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from fashionbench.runner.batch_check import precision_of
from fashionbench.runner.batch_request import answered
from fashionbench.specs.capabilities import Fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fashionbench.runner.batch_request import BatchRequest


class AskedBackend(Protocol):
    """What a session asks of a backend, wherever its object is."""

    @property
    def ahead(self) -> int:
        """How many batches more may be asked for before the first of them is answered."""
        ...

    def begin(self, request: BatchRequest) -> Callable[[], Any]:
        """Ask for a batch; the function that is returned waits for the answer of :func:`~.batch_request.answered`."""
        ...

    def lacking(self, methods: Iterable[str]) -> list[str]:
        """Return those of some methods that it does not have."""
        ...

    def fingerprint(self) -> str | None:
        """Return what it says of its weights; None where it says nothing."""
        ...

    def precision(self) -> str:
        """Return what :func:`~.batch_check.precision_of` finds of it."""
        ...

    def parameters(self) -> object:
        """Return its attribute of that name; None where it has none."""
        ...

    def preprocessing(self) -> object:
        """Return its attribute of that name; None where it has none."""
        ...

    def device(self) -> str | None:
        """Return the device on which it computed; None where this process sees that by itself."""
        ...


class BackendHere:
    """A backend whose object is in this process; a batch is computed when its answer is waited for."""

    ahead = 0

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def begin(self, request: BatchRequest) -> Callable[[], Any]:
        """Return what computes the answer."""
        return lambda: answered(self.backend, request.capability, request.argument, request.items(), request.guard)

    def lacking(self, methods: Iterable[str]) -> list[str]:
        """Return those of some methods that it does not have."""
        return sorted(name for name in methods if not callable(getattr(self.backend, name, None)))

    def fingerprint(self) -> str | None:
        """Return what it says of its weights."""
        return self.backend.fingerprint() if isinstance(self.backend, Fingerprints) else None

    def precision(self) -> str:
        """Return the type that it computes in, where a value of it has two bytes."""
        return precision_of(self.backend)

    def parameters(self) -> object:
        """Return its number of parameters, as it says it."""
        return getattr(self.backend, "parameters", None)

    def preprocessing(self) -> object:
        """Return what it says of its inputs."""
        return getattr(self.backend, "preprocessing", None)

    def device(self) -> str | None:
        """Return None: this process sees what it uses."""
        return None

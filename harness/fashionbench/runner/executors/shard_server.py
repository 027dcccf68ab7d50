"""What a process does that answers some of the batches of a cell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from fashionbench.data.roots import DataRoots
from fashionbench.errors import ExecutorError, as_error
from fashionbench.plugins.manager import Plugins
from fashionbench.records.device_use import DeviceUse
from fashionbench.runner.asked_backend import BackendHere
from fashionbench.runner.batch_request import answered
from fashionbench.runner.batching import empty_cache, out_of_memory
from fashionbench.runner.config import make_config
from fashionbench.runner.device import resolve_device
from fashionbench.runner.execute import build_backend
from fashionbench.runner.executors.contract import cell_key
from fashionbench.runner.executors.worker_plan import PLAN_REMEDY, worker_plan
from fashionbench.runner.image_prefetch import ImagePrefetch
from fashionbench.runner.loaded_backend import LoadedBackend
from fashionbench.runner.shard_messages import packed_error, packed_result, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.plan import Cell
    from fashionbench.specs.capabilities import Capability


#: The name of a method of :class:`ShardServer`, and its arguments.
Call: TypeAlias = "tuple[str, tuple[Any, ...]]"


class ShardServer:
    """Answers calls, each the name of a public method here and its arguments.

    :param config: the fields of the run's configuration.
    :param cache: a folder for what can be made again.
    """

    def __init__(self, config: dict[str, Any], cache: Path) -> None:
        self._plugins = Plugins()
        self._plugins.warn = lambda _: None  # the run has said it
        self._config = make_config(config)
        self._cells: dict[str, Cell] = {}
        self._cache = cache
        self._used = DeviceUse("cpu")
        self._loaded = LoadedBackend()
        self._backend = BackendHere(None)
        self._prefetch = ImagePrefetch()

    def answer(self, call: Call | Exception, following: Call | Exception | None = None) -> bytes:
        """Answer a call; what it raises is an answer too.

        :param following: the next call, whose items are read meanwhile; None where it has not come yet.
        """
        try:
            if isinstance(call, Exception):
                raise call  # noqa: TRY301
            method, arguments = call
            if method == "batch":
                return packed_result(self._batch(*arguments, following=_sources(following)))
            return packed_result(getattr(self, method)(*arguments))
        except BaseException as raised:
            error = as_error(raised)
            if out_of_memory(error):
                empty_cache()
            return packed_error(error)

    def build(self, key: str, options: Mapping[str, Any]) -> None:
        """Build the backend of a cell, or take the one that is loaded.

        :param options: with the models that were trained for it.
        :raises FashionBenchError: where this process cannot plan the run, or plans other cells.
        """
        cell, device = replace(self._cell(key), options=options), resolve_device(self._config.device)
        self._used = DeviceUse(device)
        build = self._loaded.build
        self._backend = BackendHere(build(cell, lambda: build_backend(cell, self._plugins, device, self._cache)))

    def take(self, key: str, content: bytes) -> None:
        """Take a backend that has learnt elsewhere.

        :raises Exception: where it cannot be read here.
        """
        self._cell(key)  # planning imports the user's own files, among them that of its class
        self._used = DeviceUse(resolve_device(self._config.device))
        self._backend = BackendHere(unpacked(content))

    def lacking(self, methods: Iterable[str]) -> list[str]:
        """Return those of some methods that the backend does not have."""
        return self._backend.lacking(methods)

    def fingerprint(self) -> str | None:
        """Return what it says of its weights."""
        return self._backend.fingerprint()

    def precision(self) -> str:
        """Return the type that it computes in, where a value of it has two bytes."""
        return self._backend.precision()

    def parameters(self) -> object:
        """Return its number of parameters."""
        return self._backend.parameters()

    def counters(self) -> dict[str, int]:
        """Return what it has counted here: those entries of its attribute of that name that are whole numbers."""
        return {name: count for name, count in self._counters().items() if type(count) is int}

    def preprocessing(self, total: Mapping[str, int]) -> dict[str, str]:
        """Return what it says of its inputs, as if it had counted what all processes have; nothing but texts.

        :param total: the sums of what was counted.
        """
        counters = self._counters()
        own = dict(counters)
        counters.update(total)
        try:
            said = self._backend.preprocessing()
            return {str(name): str(text) for name, text in said.items()} if isinstance(said, dict) else {}
        finally:
            counters.clear()
            counters.update(own)

    def device(self) -> str:
        """Return the device on which it computed."""
        return self._used.device

    def _counters(self) -> dict[str, Any]:
        said = getattr(self._backend.backend, "counters", None)
        return said if isinstance(said, dict) else {}

    def _cell(self, key: str) -> Cell:
        """Return a cell of the plan, which is made when it is asked for first."""
        if not self._cells:
            roots = DataRoots(named=self._config.data, cache=self._cache / "surveys")
            plan = worker_plan(self._config, self._plugins, roots)
            self._cells = {cell_key(cell): cell for cell in plan.cells}
        if key not in self._cells:
            raise ExecutorError("a process plans other cells than the run that started it", remedy=PLAN_REMEDY)
        return self._cells[key]

    def _batch(
        self, capability: Capability, argument: str | None, sources: list[Source], *, following: list[Source]
    ) -> Any:
        return answered(self._backend.backend, capability, argument, self._prefetch.open(sources, following))


def call_of(content: bytes) -> Call | Exception:
    """Return the call that was sent, or why it cannot be read here."""
    try:
        call: Call = unpacked(content)
    except Exception as error:  # the answer to the call
        return error
    return call


def _sources(call: Call | Exception | None) -> list[Source]:
    """Return the items of a call for a batch."""
    if call is None or isinstance(call, Exception) or call[0] != "batch":
        return []
    sources: list[Source] = call[1][2]
    return sources

"""The items of one side of a task, embedded batch by batch: found in memory, file or cache, or asked of the backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.lazy_items import content_key
from fashionbench.errors import BackendError
from fashionbench.runner.awaited_batches import AwaitedBatches
from fashionbench.runner.batch_check import chosen
from fashionbench.runner.batch_request import BatchRequest, capability_of, check_kind
from fashionbench.runner.embedded_side import EmbeddedSide
from fashionbench.runner.embedding_cache import embedding_key
from fashionbench.runner.guard import InputGuard
from fashionbench.runner.half_precision import half_rows, underflows
from fashionbench.runner.source_key import source_key
from fashionbench.specs.capabilities import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import Item
    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.asked_backend import AskedBackend
    from fashionbench.runner.image_prefetch import ImagePrefetch
    from fashionbench.runner.session_state import SessionState
    from fashionbench.specs.capabilities import Role

    Floats = NDArray[np.float32]


class EmbeddingBatches:
    """Embeds the items of one side, all of one kind and at least one.

    :param owner: hash under which embeddings are cached; None to cache nothing on disk.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        role: Role,
        *,
        state: SessionState,
        backend: AskedBackend,
        prefetch: ImagePrefetch,
        owner: str | None,
    ) -> None:
        self._state = state
        self._backend = backend
        self._prefetch = prefetch
        self._owner = owner
        self._role = role
        self._capability = capability_of(sources[0])
        self._kind = f"{self._capability}:{state.memory.role(role)}"
        self._cache = state.resources.cache
        self._awaited = AwaitedBatches() if backend.ahead else None
        self._side = EmbeddedSide(
            sources,
            self._capability,
            role,
            memory=state.memory,
            cache=self._cache,
            kept_as=owner,
            owner=state.owner,
            dtype=state.embedding_dtype,
        )

    @property
    def rows(self) -> NDArray[Any]:
        """All rows, [N, D] or [N, Q, D], once all are embedded: float32, or as the file has them."""
        return self._side.whole

    def run(self, *, alone: bool) -> Iterator[None]:
        """Embed one batch after the other.

        :param alone: whether the first one decides what others find, as where another side may have the same items.
        :raises BackendError: where the backend breaks its contract, or cannot embed this kind.
        """
        size = self._state.size_for(self._capability)
        shape: tuple[int, ...] | None = None
        done = 0
        for batch, rows in size.run(self._side.sources, self._begin, ahead=self._backend.ahead, alone=alone):
            if self._awaited is not None:
                self._awaited.over(done)
            done += len(batch)
            if self._state.embedding_dtype == "float16":
                self._state.counts.underflows += underflows(rows)
            shape = shape or rows.shape[1:]
            if rows.shape[1:] != shape:
                shapes = f"{shape} and {rows.shape[1:]}"
                raise BackendError(
                    f"{METHODS[self._capability]} returned vectors of the shapes {shapes} ({batch[0].id})"
                )
            yield

    def compare(self, rows: NDArray[Any]) -> None:
        """Embed some items in another batch, once for each capability and role, and note how far the rows are apart."""
        if self._state.batches is None:
            return
        sources, size = self._side.sources, self._state.size_for(self._capability).size
        self._state.batches.compare(
            self._kind,
            self._capability,
            sources,
            {at: rows[at] for at in chosen(self._capability, len(sources), size)},
            self._embedded,
            cache=self._cache,
            owner=self._owner,
        )

    def _begin(self, at: int, batch: Sequence[Source], following: Sequence[Source]) -> Callable[[], Floats]:
        """Begin with a batch; one that those before it will have embedded waits until they are answered.

        :param at: the place of its first item.
        :returns: what waits for the rows, keeps them, and counts them.
        """
        if self._awaited is None:
            return self._taken(at, batch, following)

        def later() -> Floats:
            return self._taken(at, batch, ())()

        names = [source_key(source) for source in batch]
        self._awaited.forget(at)
        awaits = self._awaited.decide_sources(batch, names, lambda some: self._known(some) is not None)
        self._awaited.begin(at, names)
        return later if awaits else self._taken(at, batch, following, later)

    def _taken(
        self,
        at: int,
        batch: Sequence[Source],
        following: Sequence[Source],
        later: Callable[[], Floats] | None = None,
    ) -> Callable[[], Floats]:
        """Take a batch from memory, file or cache where all of it is there, or else ask for all of it.

        A resumed run thus makes the batches, and the floating-point numbers, of an undisturbed one. What follows a
        batch that is computed is decoded meanwhile.

        :param later: does this in the batch's turn; None where it has come.
        """
        known = self._known(batch)
        if known is not None:
            return lambda: self._remembered(batch, known)
        items, guard, keys = self._keyed(batch, following)
        if keys:
            if later is not None and self._are_awaited(keys):
                return later
            rows = self._side.read(keys, at)
            kept = self._cached(keys) if rows is None else None
            if rows is not None or (kept is not None and len({row.shape for row in kept}) == 1):
                return partial(self._read, batch, keys, rows, kept)
        if self._state.batches is not None:
            self._state.batches.asked(self._kind)
        answer = self._asked(batch, lambda: items or self._opened(batch, following), guard)
        return lambda: self._computed(batch, keys, answer())

    def _are_awaited(self, keys: Sequence[bytes]) -> bool:
        awaited = self._awaited
        return awaited is not None and awaited.decide_keys(keys, lambda some: self._cached(some) is not None)

    def _known(self, batch: Sequence[Source]) -> Floats | None:
        return self._state.memory.get(self._capability, self._role, batch)

    def _cached(self, keys: Sequence[bytes]) -> list[Floats] | None:
        return None if self._cache is None else self._cache.get(keys, self._state.owner)

    def _keyed(
        self, batch: Sequence[Source], following: Sequence[Source]
    ) -> tuple[list[Item], InputGuard | None, list[bytes]]:
        """Return the keys of embeddings in the cache, and the items where they had to be opened for that.

        There are no keys where nothing is kept.
        """
        if self._owner is None or self._cache is None:
            return [], None, []
        contents = [content_key(source, self._state.resources.index) for source in batch]
        known = [content for content in contents if content is not None]
        items = [] if len(known) == len(batch) else self._opened(batch, following)
        guard = InputGuard(items) if items else None
        role = self._state.memory.role(self._role)
        of_items = guard.hashes if guard else known
        return items, guard, [embedding_key(self._owner, self._capability, role, content) for content in of_items]

    def _computed(self, batch: Sequence[Source], keys: Sequence[bytes], rows: Floats) -> Floats:
        """Keep rows that the backend has computed."""
        self._keep(batch, keys, rows)
        if keys and self._cache is not None and not self._side.in_file:
            self._cache.put(keys, rows, self._state.owner)
        self._state.done(len(batch), self._capability)
        return rows

    def _remembered(self, batch: Sequence[Source], known: Floats) -> Floats:
        """Take rows that are in memory; of the first ones of the other role, one is computed and compared."""
        memory = self._state.memory
        if memory.must_compare(self._capability, self._role):
            memory.compare(self._capability, known[0], self._embedded([batch[0]])[0], batch[0].id)
        self._state.counts.items += len(batch)
        self._side.add([], known)
        return known

    def _read(
        self, batch: Sequence[Source], keys: Sequence[bytes], rows: Floats | None, kept: Sequence[Floats] | None
    ) -> Floats:
        """Take rows that the file of the side, or else the cache, holds."""
        if rows is not None:
            self._side.add(keys, rows, read=True)
        else:
            rows = np.stack(kept or ())
            self._keep(batch, keys, rows)
        self._state.done(len(batch), self._capability, cached=True)
        return rows

    def _keep(self, batch: Sequence[Source], keys: Sequence[bytes], rows: Floats) -> None:
        """Keep rows in the file of the side, or else in memory."""
        self._side.add(keys, rows)
        if not self._side.in_file:
            self._state.memory.put(self._capability, self._role, batch, rows)

    def _embedded(self, sources: Sequence[Source]) -> Floats:
        """Ask for rows at once, whatever is known of them."""
        return self._asked(sources, lambda: self._opened(sources))()

    def _asked(
        self, sources: Sequence[Source], items: Callable[[], list[Item]], guard: InputGuard | None = None
    ) -> Callable[[], Floats]:
        argument = None if self._capability == "encode-composed" else self._role
        answer: Callable[[], Floats] = self._backend.begin(
            BatchRequest(self._capability, argument, sources, items, guard)
        )
        if self._state.embedding_dtype == "float32":
            return answer
        return lambda: half_rows(METHODS[self._capability], answer(), sources)

    def _opened(self, batch: Sequence[Source], following: Sequence[Source] = ()) -> list[Item]:
        items = self._prefetch.open(batch, following)
        check_kind(self._capability, items)
        return items

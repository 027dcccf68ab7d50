"""A backend that is ready for one fold: what a task asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.items import ComposedItem, GenerationItem, ImageItem, Item, PairItem, TextItem, generated_size
from fashionbench.data.lazy_items import ComposedFile, ImageFile, Source, content_key, opened
from fashionbench.errors import BackendError
from fashionbench.runner.batch_check import chosen, spread_of
from fashionbench.runner.embedded_side import EmbeddedSide
from fashionbench.runner.embedding_cache import embedding_key
from fashionbench.runner.guard import (
    InputGuard,
    checked_embeddings,
    checked_images,
    checked_scores,
    checked_texts,
    named,
)
from fashionbench.runner.image_prefetch import ImagePrefetch
from fashionbench.specs.capabilities import METHODS, Capability, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.runner.session_state import SessionState

_ENCODES: dict[type[Any], Capability] = {
    ImageItem: "encode-image",
    ImageFile: "encode-image",
    TextItem: "encode-text",
    ComposedItem: "encode-composed",
    ComposedFile: "encode-composed",
}


class BoundBackend:
    """The answers of a backend that is ready for one fold.

    :param owner: hash under which embeddings are cached; None to cache nothing on disk.
    """

    def __init__(self, state: SessionState, backend: object, owner: str | None) -> None:
        self._state = state
        self._backend: Any = backend
        self._owner = owner
        self._prefetch = ImagePrefetch()

    def embed(self, sources: Sequence[Source], role: Role) -> NDArray[np.float32]:
        """Embed images, texts or composed queries, all of one kind, as [N, D] or [N, Q, D].

        :raises BackendError: where the backend breaks its contract, or cannot embed this kind.
        """
        return self.embed_sides([(sources, role)])[0]

    def embed_sides(self, sides: Sequence[tuple[Sequence[Source], Role]]) -> list[NDArray[np.float32]]:
        """Embed several sets of items, each as :meth:`embed` does.

        The first batch of each comes first, so that the pace of each kind of item is known early.
        """
        made = [self._side(sources, role) for sources, role in sides]
        streams = [self._batches(side) for side in made]
        for stream in streams:
            next(stream)
        for stream in streams:
            for _ in stream:
                pass
        rows = [side.whole for side in made]
        for side, whole in zip(made, rows, strict=True):
            self._compare_batches(side.sources, side.role, whole)
        return rows

    def score(self, sources: Sequence[PairItem]) -> NDArray[np.float32]:
        """Score pairs of a query and a candidate as [N], higher is better."""
        scores = np.concatenate(list(self._run("score-pairs", sources, checked_scores)))
        at = self._chosen("score-pairs", sources)
        self._compare_answers(
            "score-pairs", sources, {n: scores[n] for n in at}, checked_scores, spread=spread_of(scores)
        )
        return scores

    def caption(self, sources: Sequence[Source], instruction: str) -> list[str]:
        """Describe images, all with one instruction."""
        texts = [t for part in self._run("caption", sources, checked_texts, instruction) for t in part]
        at = self._chosen("caption", sources)
        self._compare_answers("caption", sources, {n: texts[n] for n in at}, checked_texts, instruction)
        return texts

    def try_on(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons; gives back the id and the RGB image [H, W, 3] of one item after the other."""
        return self._images("try-on", sources)

    def try_off(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Make the photos of garments that persons wear; gives back the same as :meth:`try_on`."""
        return self._images("try-off", sources)

    def design(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons in designed garments; gives back the same as :meth:`try_on`."""
        return self._images("design", sources)

    def transfer_style(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Show garments in other colours and patterns; gives back the same as :meth:`try_on`."""
        return self._images("style-transfer", sources)

    def _side(self, sources: Sequence[Source], role: Role) -> EmbeddedSide:
        if not sources:
            raise BackendError(f"there is nothing to embed as {role}", remedy="check the split and the filter")
        return EmbeddedSide(
            sources,
            capability_of(sources[0]),
            role,
            memory=self._state.memory,
            cache=self._state.resources.cache,
            kept_as=self._owner,
            owner=self._state.owner,
        )

    def _batches(self, side: EmbeddedSide) -> Iterator[None]:
        """Embed one batch after the other."""
        size = self._state.size_for(side.capability)
        shape: tuple[int, ...] | None = None
        for batch, rows in size.run(side.sources, lambda batch, then: self._embed_batch(batch, then, side)):
            shape = shape or rows.shape[1:]
            if rows.shape[1:] != shape:
                shapes = f"{shape} and {rows.shape[1:]}"
                method = METHODS[side.capability]
                raise BackendError(f"{method} returned vectors of the shapes {shapes} ({batch[0].id})")
            yield

    def _embed_batch(
        self, batch: Sequence[Source], following: Sequence[Source], side: EmbeddedSide
    ) -> NDArray[np.float32]:
        """Take a batch from memory, file or cache where all of it is there, or else compute all of it.

        A resumed run thus makes the batches, and the floating-point numbers, of an undisturbed one. What follows a
        batch that is computed is decoded meanwhile.
        """
        memory, cache = self._state.memory, self._state.resources.cache
        capability, role = side.capability, side.role
        known = memory.get(capability, role, batch)
        if known is not None:
            self._compare_roles(batch[0], known[0], capability, role)
            self._state.counts.items += len(batch)
            side.add([], known)
            return known
        items: list[Item] = []
        contents = [content_key(source, self._state.resources.index) for source in batch]
        if self._owner is None or cache is None or None in contents:
            items = self._opened(batch, capability, following)
        guard = InputGuard(items)
        keys: list[bytes] = []
        if self._owner is not None and cache is not None:
            of_items = guard.hashes if items else [content for content in contents if content is not None]
            keys = [embedding_key(self._owner, capability, memory.role(role), content) for content in of_items]
            rows = side.read(keys)
            if rows is not None:
                side.add(keys, rows, read=True)
            else:
                kept = cache.get(keys, self._state.owner)
                if kept is not None and len({row.shape for row in kept}) == 1:
                    rows = np.stack(kept)
                    self._keep(side, batch, keys, rows)
            if rows is not None:
                self._state.done(len(batch), capability, cached=True)
                return rows
        if not items:
            items = self._opened(batch, capability, following)
            guard = InputGuard(items)
        if self._state.batches is not None:
            self._state.batches.asked(self._kind(capability, role))
        rows = self._call(items, capability, role, guard)
        self._keep(side, batch, keys, rows)
        if keys and cache is not None and not side.in_file:
            cache.put(keys, rows, self._state.owner)
        self._state.done(len(items), capability)
        return rows

    def _keep(
        self, side: EmbeddedSide, batch: Sequence[Source], keys: Sequence[bytes], rows: NDArray[np.float32]
    ) -> None:
        """Keep rows in the file of their side, or else in memory."""
        side.add(keys, rows)
        if not side.in_file:
            self._state.memory.put(side.capability, side.role, batch, rows)

    def _compare_batches(self, sources: Sequence[Source], role: Role, rows: NDArray[np.float32]) -> None:
        """Embed some items in another batch, once for each capability and role, and note how far the rows are apart."""
        capability = capability_of(sources[0])

        def ask(again: Sequence[Source]) -> NDArray[np.float32]:
            items = self._opened(again, capability)
            return self._call(items, capability, role, InputGuard(items))

        if self._state.batches is not None:
            self._state.batches.compare(
                self._kind(capability, role),
                capability,
                sources,
                {at: rows[at] for at in self._chosen(capability, sources)},
                ask,
                cache=self._state.resources.cache,
                owner=self._owner,
            )

    def _kind(self, capability: Capability, role: Role) -> str:
        return f"{capability}:{self._state.memory.role(role)}"

    def _chosen(self, capability: Capability, sources: Sequence[Source]) -> list[int]:
        return chosen(capability, len(sources), self._state.size_for(capability).size)

    def _call(
        self, items: Sequence[Item], capability: Capability, role: Role, guard: InputGuard
    ) -> NDArray[np.float32]:
        call = getattr(self._backend, METHODS[capability])
        result = call(items) if capability == "encode-composed" else call(items, role)
        guard.verify(METHODS[capability])
        return checked_embeddings(METHODS[capability], result, items)

    def _compare_roles(self, source: Source, known: NDArray[np.float32], capability: Capability, role: Role) -> None:
        """Embed one item in its other role, once a capability, before its rows are taken for both."""
        if self._state.memory.must_compare(capability, role):
            item = opened(source)
            items = [item]
            row = self._call(items, capability, role, InputGuard(items))[0]
            self._state.memory.compare(capability, known, row, item.id)

    def _opened(self, batch: Sequence[Source], capability: Capability, following: Sequence[Source] = ()) -> list[Item]:
        items = self._prefetch.open(batch, following)
        stray = [item for item in items if _ENCODES.get(type(item)) != capability]
        if stray:
            raise BackendError(f"{named(stray)} cannot be embedded with the rest by {METHODS[capability]}")
        return items

    def _run(
        self, capability: Capability, sources: Sequence[Source], check: Callable[..., Any], *arguments: object
    ) -> Iterator[Any]:
        def work(batch: Sequence[Source], following: Sequence[Source]) -> Any:
            result = self._answers(capability, batch, check, *arguments, following=following)
            self._state.done(len(batch), capability)
            return result

        for _, result in self._state.size_for(capability).run(sources, work):
            yield result

    def _answers(
        self,
        capability: Capability,
        batch: Sequence[Source],
        check: Callable[..., Any],
        *arguments: object,
        following: Sequence[Source] = (),
    ) -> Any:
        method = METHODS[capability]
        items = self._prefetch.open(batch, following)
        guard = InputGuard(items)
        result = getattr(self._backend, method)(items, *arguments)
        guard.verify(method)
        return check(method, result, items)

    def _compare_answers(
        self,
        capability: Capability,
        sources: Sequence[Source],
        answers: Mapping[int, Any],
        check: Callable[..., Any],
        *arguments: object,
        spread: float = 1.0,
    ) -> None:
        """Ask for some items in another batch, once a capability, and note how far the answers are apart."""
        if self._state.batches is not None:
            self._state.batches.compare(
                capability,
                capability,
                sources,
                answers,
                lambda again: self._answers(capability, again, check, *arguments),
                spread=spread,
            )

    def _images(self, capability: Capability, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        ids: list[str] = []

        def check(method: str, result: object, items: Sequence[Item]) -> list[NDArray[np.uint8]]:
            ids[:] = [item.id for item in items]
            sizes = [generated_size(item) for item in items if isinstance(item, GenerationItem)]
            return checked_images(method, result, items, sizes)

        at = self._chosen(capability, sources)
        kept: dict[int, NDArray[np.uint8]] = {}
        position = 0
        for images in self._run(capability, sources, check):
            for name, image in zip(list(ids), images, strict=True):
                if position in at:
                    kept[position] = image.copy()
                position += 1
                yield name, image
        self._compare_answers(capability, sources, {n: kept[n] for n in at}, check)


def capability_of(source: Source) -> Capability:
    """Return the capability that embeds an item; a file is not read for that."""
    return _ENCODES.get(type(source)) or _ENCODES[type(opened(source))]

"""A backend as a task sees it: batched, checked, cached, and shown on a progress bar."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.canonical import digest
from fashionbench.data.items import ComposedItem, DesignItem, ImageItem, Item, PairItem, TextItem, TryOnItem
from fashionbench.data.lazy_items import Source, opened
from fashionbench.errors import BackendError
from fashionbench.runner.batching import BatchSize
from fashionbench.runner.embedding_cache import EmbeddingCache, embedding_key
from fashionbench.runner.guard import (
    InputGuard,
    checked_embeddings,
    checked_images,
    checked_scores,
    checked_texts,
    named,
)
from fashionbench.specs.capabilities import METHODS, Capability, Fingerprints, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.extractors.base import Extractor
    from fashionbench.specs import BackendSpec

_ENCODES: dict[type[Any], Capability] = {
    ImageItem: "encode-image",
    TextItem: "encode-text",
    ComposedItem: "encode-composed",
}


class Session:
    """One backend on one task.

    :param spec: the backend's specification.
    :param build: makes a fresh backend object; called once, or once a fold where the backend learns or sees the truth.
    :param source: hash of the code that holds the backend, part of the cache key.
    :param seed: handed to ``fit``.
    :param limit: the number of queries or items after which a task stops; None for all.
    :param batch_size: a fixed batch size, or None to find one.
    :param cache: where embeddings are kept, or None.
    :param keep: keeps a generated picture and returns its SHA-256.
    :param extractor: loads a feature extractor by its name; None where there is none to load.
    :param advance: told how many items are done.
    """

    def __init__(
        self,
        spec: BackendSpec,
        build: Callable[[], object],
        *,
        source: str,
        seed: int,
        device: str = "cpu",
        limit: int | None = None,
        batch_size: int | None = None,
        cache: EmbeddingCache | None = None,
        keep: Callable[[bytes], str] = lambda content: hashlib.sha256(content).hexdigest(),
        extractor: Callable[[str], Extractor] | None = None,
        advance: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.extractor = extractor
        self.spec = spec
        self.limit = limit
        self.seed = seed
        self.keep = keep
        self.items = 0
        self.cached = 0
        self._build = build
        self._source = source
        self.device = device
        self._batch_size = batch_size
        self._cache = cache
        self._advance = advance
        self._backend: object | None = None
        self._sizes: dict[str, BatchSize] = {}
        self._weights: list[str] = []

    @property
    def batch_sizes(self) -> dict[str, int]:
        """The batch size of each capability that was used."""
        return {name: size.size for name, size in sorted(self._sizes.items())}

    @property
    def weights_hash(self) -> str | None:
        """A hash over what the backend said of its weights in each fold; None where it says nothing."""
        return digest(self._weights) if self._weights else None

    @property
    def parameters(self) -> int | None:
        """The number of parameters, where the backend has an attribute of that name."""
        count = getattr(self._backend, "parameters", None)
        return count if isinstance(count, int) else None

    def can(self, *capabilities: Capability) -> bool:
        """Tell whether the backend has all of these capabilities."""
        return self.spec.capabilities >= set(capabilities)

    @contextmanager
    def fold(self, training: TrainingData | None, truth: Truth) -> Iterator[BoundBackend]:
        """Prepare the backend for one fold: let it learn, and show a privileged control the truth.

        :param training: what a backend with ``fits`` learns from; None where the task has no training part.
        :raises BackendError: where the backend lacks a method that its specification names, or must learn and cannot.
        """
        if self._backend is None or self.spec.fits or self.spec.privileged:
            self._backend = self._fresh(training, truth)
        owner = None
        if isinstance(self._backend, Fingerprints):
            owner = digest([self.spec.id, self._source, self._backend.fingerprint()])
            self._weights.append(owner)
        yield BoundBackend(self, self._backend, owner)

    def _fresh(self, training: TrainingData | None, truth: Truth) -> object:
        backend = self._build()
        wanted = {METHODS[name] for name in self.spec.capabilities}
        wanted |= ({"fit"} if self.spec.fits else set()) | ({"reveal"} if self.spec.privileged else set())
        lacking = sorted(name for name in wanted if not callable(getattr(backend, name, None)))
        if lacking:
            msg = f"{self.spec.id} has no method {', '.join(lacking)}, which its specification promises"
            raise BackendError(msg, remedy="add the method, or take the capability out of the specification")
        if self.spec.fits:
            if training is None:
                msg = f"{self.spec.id} learns from training data, and this task has none"
                raise BackendError(msg, remedy="leave this backend out of the run, or train it beforehand")
            backend.fit(training, self.seed)  # type: ignore[attr-defined]
        if self.spec.privileged:
            backend.reveal(truth)  # type: ignore[attr-defined]
        return backend

    def size_for(self, capability: Capability) -> BatchSize:
        """Return the batch size of a capability."""
        return self._sizes.setdefault(capability, BatchSize(self._batch_size, self.device))

    def done(self, count: int, *, cached: bool = False) -> None:
        """Count items that are finished."""
        self.items += count
        self.cached += count if cached else 0
        self._advance(count)

    @property
    def cache(self) -> EmbeddingCache | None:
        """Where embeddings are kept."""
        return self._cache


class BoundBackend:
    """The answers of a backend that is ready for one fold.

    :param owner: hash of backend, code and weights, under which embeddings are cached; None to cache nothing.
    """

    def __init__(self, session: Session, backend: object, owner: str | None) -> None:
        self._session = session
        self._backend: Any = backend
        self._owner = owner

    def embed(self, sources: Sequence[Source], role: Role) -> NDArray[np.float32]:
        """Embed images, texts or composed queries, all of one kind, as [N, D] or [N, Q, D].

        :raises BackendError: where the backend breaks its contract, or cannot embed this kind.
        """
        if not sources:
            raise BackendError(f"there is nothing to embed as {role}", remedy="check the split and the filter")
        capability = _ENCODES[type(opened(sources[0]))]
        parts: list[NDArray[np.float32]] = []
        size = self._session.size_for(capability)
        for batch, rows in size.run(sources, lambda batch: self._embed_batch(batch, capability, role)):
            parts.append(rows)
            if rows.shape[1:] != parts[0].shape[1:]:
                shapes = f"{parts[0].shape[1:]} and {rows.shape[1:]}"
                raise BackendError(f"{METHODS[capability]} returned vectors of the shapes {shapes} ({batch[0].id})")
        return np.concatenate(parts)

    def score(self, sources: Sequence[PairItem]) -> NDArray[np.float32]:
        """Score pairs of a query and a candidate as [N], higher is better."""
        return np.concatenate(list(self._run("score-pairs", sources, checked_scores)))

    def caption(self, sources: Sequence[Source], instruction: str) -> list[str]:
        """Describe images, all with one instruction."""
        return [t for part in self._run("caption", sources, checked_texts, instruction) for t in part]

    def try_on(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons; gives back the id and the RGB image [H, W, 3] of one item after the other."""
        return self._images("try-on", sources)

    def design(self, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Dress persons in designed garments; gives back the same as :meth:`try_on`."""
        return self._images("design", sources)

    def _embed_batch(self, batch: Sequence[Source], capability: Capability, role: Role) -> NDArray[np.float32]:
        items = [opened(source) for source in batch]
        stray = [item for item in items if _ENCODES.get(type(item)) != capability]
        if stray:
            raise BackendError(f"{named(stray)} cannot be embedded with the rest by {METHODS[capability]}")
        guard = InputGuard(items)
        keys: list[bytes] = []
        cache = self._session.cache
        if self._owner is not None and cache is not None:
            keys = [embedding_key(self._owner, capability, role, content) for content in guard.hashes]
            known = cache.get(keys)
            if known is not None and len({rows.shape for rows in known}) == 1:
                self._session.done(len(items), cached=True)
                return np.stack(known)
        method = METHODS[capability]
        call = getattr(self._backend, method)
        result = call(items) if capability == "encode-composed" else call(items, role)
        rows = checked_embeddings(method, result, items)
        guard.verify(method)
        if keys and cache is not None:
            cache.put(keys, rows)
        self._session.done(len(items))
        return rows

    def _run(
        self, capability: Capability, sources: Sequence[Source], check: Callable[..., Any], *arguments: object
    ) -> Iterator[Any]:
        method = METHODS[capability]

        def work(batch: Sequence[Source]) -> Any:
            items = [opened(source) for source in batch]
            guard = InputGuard(items)
            result = check(method, getattr(self._backend, method)(items, *arguments), items)
            guard.verify(method)
            self._session.done(len(items))
            return result

        for _, result in self._session.size_for(capability).run(sources, work):
            yield result

    def _images(self, capability: Capability, sources: Sequence[Source]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        ids: list[str] = []

        def check(method: str, result: object, items: Sequence[Item]) -> list[NDArray[np.uint8]]:
            ids[:] = [item.id for item in items]
            sizes = [i.person.size for i in items if isinstance(i, (TryOnItem, DesignItem))]
            return checked_images(method, result, items, sizes)

        for images in self._run(capability, sources, check):
            yield from zip(list(ids), images, strict=True)

"""State of a session: what it uses of its surroundings, what it has counted, and what it has embedded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.runner.batch_check import BatchCheck
from fashionbench.runner.batching import BatchSize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fashionbench.data.file_index import FileIndex
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.embedding_dtype import EmbeddingDtype
    from fashionbench.runner.embedding_memory import EmbeddingMemory
    from fashionbench.specs.capabilities import Capability


def _no_expectation(kind: str, count: int) -> None:
    """Take no note of work to come."""


def _no_progress(count: int, kind: str) -> None:
    """Take no note of work that is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResources:
    """What a session uses of its surroundings.

    :param cache: where embeddings are kept, or None.
    :param index: content hashes of files, by which images are found in the cache without being decoded.
    :param keep: keeps a generated image and returns its SHA-256.
    :param image_work: what metrics will do with so many generated and real images, by kind.
    :param expect: called with a kind of work to come and its count.
    :param advance: called with the count and the kind of items that are done.
    """

    cache: EmbeddingCache | None = None
    index: FileIndex | None = None
    keep: Callable[[bytes], str] = lambda content: hashlib.sha256(content).hexdigest()
    image_work: Callable[[int, int], Mapping[str, int]] = lambda _generated, _real: {}
    expect: Callable[[str, int], object] = _no_expectation
    advance: Callable[[int, str], object] = _no_progress


@dataclass(slots=True)
class SessionCounts:
    """What a session has counted: items answered, those of them that came from a cache, and hashes of weights.

    :param underflows: numbers of embeddings that became 0 when they were rounded.
    """

    items: int = 0
    cached: int = 0
    underflows: int = 0
    weights: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SessionState:
    """What a session and the backends that it binds share.

    :param memory: embeddings of the present fold, or of all folds where they share a backend.
    :param owner: the backend's id, by which the cache says what it holds.
    :param batch_size: a fixed batch size, or None to find one for each capability.
    :param embedding_dtype: what every embedding is rounded to before it is used or kept.
    :param batches: compares answers with those in other batches; None where no backend can be asked.
    """

    resources: SessionResources
    memory: EmbeddingMemory
    device: str
    owner: str = ""
    batch_size: int | None = None
    embedding_dtype: EmbeddingDtype = "float32"
    counts: SessionCounts = field(default_factory=SessionCounts)
    sizes: dict[str, BatchSize] = field(default_factory=dict)
    batches: BatchCheck | None = field(default_factory=BatchCheck)

    def size_for(self, capability: Capability) -> BatchSize:
        """Return the batch size of a capability."""
        return self.sizes.setdefault(capability, BatchSize(self.batch_size, self.device))

    def done(self, count: int, kind: str, *, cached: bool = False) -> None:
        """Count items that are finished."""
        self.counts.items += count
        self.counts.cached += count if cached else 0
        self.resources.advance(count, kind)

"""A session that answers from the embedding cache alone: the model is neither built nor asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import FashionBenchError
from fashionbench.runner.asked_backend import BackendHere
from fashionbench.runner.code_hash import MEASUREMENT_VERSION
from fashionbench.runner.embedding_memory import EmbeddingMemory
from fashionbench.runner.identity import BackendIdentity, embedding_owner
from fashionbench.runner.session import EmbeddingOwner, Session, rerank_depth
from fashionbench.runner.session_state import SessionResources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import Item
    from fashionbench.data.measured_items import MeasuredItems
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.records.schema import Record
    from fashionbench.runner.asked_backend import AskedBackend
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Role


class NotStoredError(FashionBenchError):
    """An answer that only the model could give."""


class StoredSession(Session):
    """The session of a record's backend, as the cache remembers it.

    :param spec: the backend's specification.
    :param record: says with which options, code, and seed the embeddings were made.
    """

    def __init__(self, spec: BackendSpec, record: Record, cache: EmbeddingCache, index: FileIndex) -> None:
        backend = record.backend
        identity = BackendIdentity(backend.id, backend.revision, backend.options, backend.source)
        owner = EmbeddingOwner(
            identity=embedding_owner(
                identity, record.decoding.seed, MEASUREMENT_VERSION, record.decoding.embedding_dtype
            ),
            # Of the record, not of the variant: a backend with ``fits`` is the one that learnt for the record.
            data=record.dataset.fingerprint if record.dataset else "",
            known_weights=any(backend.options.get(name) for name in spec.models),
        )
        resources = SessionResources(cache=cache, index=index)
        super().__init__(
            spec,
            _refuse,
            owner=owner,
            seed=record.decoding.seed,
            limit=record.decoding.limit,
            embedding_dtype=record.decoding.embedding_dtype,
            rerank=rerank_depth(backend.options),
            resources=resources,
        )
        self._cache = cache
        self._state.batches = None

    def _fresh(self, training: TrainingData | None, truth: Truth, measured: MeasuredItems | None) -> AskedBackend:
        del truth, measured
        self._state.memory = _Compared(roles_differ=self.spec.roles_differ)
        return BackendHere(_Absent(self._cache.noted(self.fingerprint_key(training))))


class _Absent:
    """Stands for a model that is not there."""

    def __init__(self, said: str | None) -> None:
        self._said = said

    def fingerprint(self) -> str | None:
        return self._said

    def encode_images(self, items: Sequence[Item], role: Role) -> object:  # noqa: ARG002
        raise _not_stored(f"images as {role}")

    def encode_texts(self, items: Sequence[Item], role: Role) -> object:  # noqa: ARG002
        raise _not_stored(f"texts as {role}")

    def encode_composed(self, items: Sequence[Item]) -> object:  # noqa: ARG002
        raise _not_stored("composed queries")

    def score_pairs(self, items: Sequence[Item]) -> object:  # noqa: ARG002
        raise NotStoredError("it asks the model to score pairs", remedy="run the task once")


class _Compared(EmbeddingMemory):
    """Whether roles differ was seen when the embeddings were made."""

    def must_compare(self, capability: object, role: object) -> bool:
        del capability, role
        return False


def _not_stored(what: str) -> NotStoredError:
    return NotStoredError(f"embeddings of {what} are not stored", remedy="run the task once")


def _refuse() -> object:
    raise NotStoredError("the model is not to be built")

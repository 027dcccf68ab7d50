"""A backend as a task sees it: batched, checked, cached, and counted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.errors import BackendError
from fashionbench.runner.asked_backend import BackendHere
from fashionbench.runner.bound_backend import BoundBackend
from fashionbench.runner.counted_examples import counted_training
from fashionbench.runner.embedding_memory import EmbeddingMemory
from fashionbench.runner.session_state import SessionCounts, SessionResources, SessionState
from fashionbench.runner.training_overlap import Overlap, overlap_findings, training_overlap
from fashionbench.runner.workload import embedding_counts
from fashionbench.specs.capabilities import METHODS, Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.measured_items import MeasuredItems
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.records.schema import PolicyFinding
    from fashionbench.runner.asked_backend import AskedBackend
    from fashionbench.runner.batch_check import BatchDifference
    from fashionbench.runner.embedding_dtype import EmbeddingDtype
    from fashionbench.runner.sharded_backend import BackendShards
    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingOwner:
    """What decides an embedding besides its item.

    :param identity: hash of the backend's id, revision, options, code and seed.
    :param data: fingerprint of the data that a backend with ``fits`` learns from.
    :param known_weights: whether the options name the weights by content, so that no fingerprint of the backend's own
        is needed to keep its embeddings.
    """

    identity: str
    data: str = ""
    known_weights: bool = False


def rerank_depth(options: Mapping[str, Any]) -> int:
    """Return the option ``rerank`` of a backend, which harness and tasks read for it; 0 where it has none."""
    depth = options.get("rerank", 0)
    return depth if isinstance(depth, int) else 0


class Session:
    """One backend on one task.

    :param spec: the backend's specification.
    :param build: makes a fresh backend object; called once, or once a fold where the backend learns or sees the truth.
    :param owner: whose embeddings these are.
    :param seed: handed to ``fit``.
    :param limit: the number of queries or items after which a task stops; None for all.
    :param batch_size: a fixed batch size, or None to find one.
    :param embedding_dtype: what every embedding is rounded to before it is used or kept; it must be part of ``owner``.
    :param rerank: how many of the best candidates the backend's own option ``rerank`` orders anew by pair scores; 0 for
        none.
    :param shards: processes over which the items are split; None where this one answers them all.
    """

    def __init__(
        self,
        spec: BackendSpec,
        build: Callable[[], object],
        *,
        owner: EmbeddingOwner,
        seed: int,
        device: str = "cpu",
        limit: int | None = None,
        batch_size: int | None = None,
        embedding_dtype: EmbeddingDtype = "float32",
        rerank: int = 0,
        resources: SessionResources | None = None,
        shards: BackendShards | None = None,
    ) -> None:
        self.spec = spec
        self.rerank = rerank
        self.limit = limit
        self.seed = seed
        self.device = device
        self._build = build
        self._owner = owner
        self._shards = shards
        self._backend: AskedBackend | None = None
        self._overlaps: list[Overlap] = []
        self._state = SessionState(
            resources=resources or SessionResources(),
            memory=EmbeddingMemory(roles_differ=spec.roles_differ),
            device=device,
            owner=spec.id,
            batch_size=batch_size,
            embedding_dtype=embedding_dtype,
        )

    @property
    def counts(self) -> SessionCounts:
        """Items answered, and those of them that came from a cache."""
        return self._state.counts

    @property
    def keep(self) -> Callable[[bytes], str]:
        """Keeps a generated image and returns its SHA-256."""
        return self._state.resources.keep

    @property
    def batch_sizes(self) -> dict[str, int]:
        """The batch size of each capability that was used."""
        return {name: size.size for name, size in sorted(self._state.sizes.items())}

    @property
    def weights_hash(self) -> str | None:
        """A hash over what the backend said of its weights in each fold; None where it says nothing."""
        return digest(self.counts.weights) if self.counts.weights else None

    @property
    def parameters(self) -> int | None:
        """The number of parameters, where the backend has an attribute of that name."""
        count = self._backend.parameters() if self._backend is not None else None
        return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None

    @property
    def preprocessing(self) -> dict[str, str]:
        """What the backend says, in an attribute of that name, of how it prepares inputs and decodes answers.

        Where it computes with so few digits that batches may differ by more than usual, by how much they do.
        """
        said = self._backend.preprocessing() if self._backend is not None else None
        found = {str(name): str(text) for name, text in said.items()} if isinstance(said, dict) else {}
        return found | {
            f"batches, {one.capability}": one.allowance for one in self._batch_differences if one.is_rounded
        }

    @property
    def device_elsewhere(self) -> str | None:
        """The device on which other processes computed; None where this one did."""
        return self._backend.device() if self._backend is not None else None

    @property
    def overlap(self) -> list[PolicyFinding]:
        """What the training parts share with what is measured."""
        return overlap_findings(self.spec.id, self._overlaps)

    @property
    def batch_findings(self) -> list[PolicyFinding]:
        """What differs where items are asked for in another batch; of each capability the greatest difference."""
        return [finding for one in self._batch_differences if (finding := one.finding) is not None]

    @property
    def _batch_differences(self) -> list[BatchDifference]:
        found = self._state.batches.found if self._state.batches is not None else []
        greatest = {one.capability: one for one in sorted(found, key=lambda one: (bool(one.failure), one.size))}
        return list(greatest.values())

    def can(self, *capabilities: Capability) -> bool:
        """Tell whether the backend has all of these capabilities."""
        return self.spec.capabilities >= set(capabilities)

    @contextmanager
    def fold(
        self, training: TrainingData | None, truth: Truth, measured: MeasuredItems | None = None
    ) -> Iterator[BoundBackend]:
        """Prepare the backend for one fold: let it learn, and show a privileged control the truth.

        :param training: what a backend with ``fits`` learns from; None where the task has no training part.
        :param measured: what the fold measures, which is looked for in the training part.
        :raises BackendError: where the backend lacks a method that its specification names, or must learn and cannot.
        """
        if self._backend is None or self.spec.fits or self.spec.privileged:
            self._state.memory = EmbeddingMemory(roles_differ=self.spec.roles_differ)
            self._backend = self._fresh(training, truth, measured)
            if self._state.batches is not None:
                self._state.batches.begin(self._backend.precision())
        yield BoundBackend(self._state, self._backend, self._embedding_owner(training))

    def expect(self, kind: str, count: int) -> None:
        """Announce work to come, so that progress knows its total.

        :param kind: a capability, or another word such as ``fit``; items of a kind take about the same time.
        """
        self._state.resources.expect(kind, count)

    def expect_embeddings(self, folds: Sequence[Sequence[tuple[Sequence[Source], Role]]]) -> None:
        """Announce the embeddings of all folds; what is encoded once counts once.

        :param folds: for each fold, its sides.
        """
        anew = self.spec.fits or self.spec.privileged
        for kind, count in embedding_counts(folds, roles_differ=self.spec.roles_differ, folds_differ=anew).items():
            self.expect(kind, count)

    def expect_fit(self, parts: Sequence[TrainingData | None]) -> None:
        """Announce the examples that a backend with ``fits`` will read, one part a fold."""
        if self.spec.fits:
            self.expect(
                "fit", sum(len(rows) for part in parts if part for rows in part.examples(self.spec.learns_from))
            )

    def expect_images(self, generated: int, real: int) -> None:
        """Announce what metrics will do with generated images, and with the real ones that they are compared with."""
        for kind, count in self._state.resources.image_work(generated, real).items():
            self.expect(kind, count)

    def _embedding_owner(self, training: TrainingData | None) -> str | None:
        """Return the owner of this fold's embeddings in the cache; None where nothing may be kept.

        What the harness knows decides; the backend's fingerprint may only add to it.
        """
        said = self._backend.fingerprint() if self._backend is not None else None
        learnt = self.spec.fits or self.spec.privileged
        cache = self._state.resources.cache
        if cache is not None and said is not None and not self.spec.privileged:
            cache.note(self.fingerprint_key(training), said)
        owner = digest([self._owner.identity, said])
        if said is not None or self._owner.known_weights:
            self.counts.weights.append(owner)
        if self.spec.privileged or (said is None and (learnt or not self._owner.known_weights)):
            return None
        return digest([owner, self._owner.data, training.fold if training else ""]) if self.spec.fits else owner

    def fingerprint_key(self, training: TrainingData | None) -> str:
        """Return under what the cache notes the backend's fingerprint, so that embeddings are found without it."""
        learnt = [self._owner.data, training.fold if training else ""] if self.spec.fits else []
        return digest([self._owner.identity, *learnt])

    def _fresh(self, training: TrainingData | None, truth: Truth, measured: MeasuredItems | None) -> AskedBackend:
        wanted = {METHODS[name] for name in self.spec.capabilities}
        wanted |= ({"fit"} if self.spec.fits else set()) | ({"reveal"} if self.spec.privileged else set())
        if self._shards is not None and not self.spec.fits and not self.spec.privileged:
            elsewhere = self._shards.built()
            self._require(elsewhere.lacking(wanted))
            return elsewhere
        here = BackendHere(self._build())
        self._require(here.lacking(wanted))
        if self.spec.fits:
            if training is None:
                msg = f"{self.spec.id} learns from training data, and this task has none"
                raise BackendError(msg, remedy="leave this backend out of the run, or train it beforehand")
            if measured is not None:
                self._overlaps.append(training_overlap(training, measured, self._state.resources.index))
            with counted_training(training, self.spec.learns_from, self._state.resources.advance) as counted:
                here.backend.fit(counted, self.seed)
        if self.spec.privileged:
            here.backend.reveal(truth)
        return here if self._shards is None else self._shards.handed_over(here)

    def _require(self, lacking: Sequence[str]) -> None:
        if lacking:
            msg = f"{self.spec.id} has no method {', '.join(lacking)}, which its specification promises"
            raise BackendError(msg, remedy="add the method, or take the capability out of the specification")

"""A model that a diagnosis asks: batched and checked as in a run, with nothing cached."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fashionbench.runner.asked_backend import BackendHere
from fashionbench.runner.batch_request import capability_of
from fashionbench.runner.bound_backend import BoundBackend
from fashionbench.runner.embedding_memory import EmbeddingMemory
from fashionbench.runner.session_state import SessionResources, SessionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.items import PairItem
    from fashionbench.data.lazy_items import Source
    from fashionbench.diagnostics.sample import Sample
    from fashionbench.progress import Reporter
    from fashionbench.specs import BackendSpec
    from fashionbench.specs.capabilities import Capability, Role


class System:
    """A backend that is ready to answer.

    :param reporter: is told of each item that is done, by capability.
    :param lacks: capabilities that the specification promises and this model lacks, each with the reason.
    """

    def __init__(
        self,
        spec: BackendSpec,
        backend: object,
        device: str,
        reporter: Reporter,
        lacks: Mapping[Capability, str] = MappingProxyType({}),
    ) -> None:
        self.spec = spec
        self._lacks = lacks
        self._reporter = reporter
        state = SessionState(
            resources=SessionResources(advance=reporter.advance),
            memory=EmbeddingMemory(roles_differ=spec.roles_differ),
            device=device,
            batches=None,
        )
        self._bound = BoundBackend(state, BackendHere(backend), owner=None)

    def lacking(self, *needed: Capability) -> str:
        """Say which capabilities the backend lacks, as the reason why nothing is measured; empty where none."""
        known = [self._lacks[name] for name in needed if name in self._lacks]
        if known:
            return known[0]
        missing = [name for name in needed if name not in self.spec.capabilities]
        return f"{self.spec.id} cannot {' or '.join(missing)}" if missing else ""

    def embed(self, sources: Sequence[Source], role: Role) -> NDArray[np.float32]:
        """Embed images, texts or composed queries, all of one kind, as [N, D] or [N, Q, D]."""
        self._reporter.expect_work(capability_of(sources[0]), len(sources))
        return self._bound.embed(sources, role)

    def score(self, pairs: Sequence[PairItem]) -> NDArray[np.float64]:
        """Score pairs, higher is better."""
        self._reporter.expect_work("score-pairs", len(pairs))
        scores: NDArray[np.float64] = self._bound.score(pairs).astype("float64")
        return scores

    def caption(self, sources: Sequence[Source], instruction: str) -> list[str]:
        """Describe images, all with one instruction."""
        self._reporter.expect_work("caption", len(sources))
        return self._bound.caption(sources, instruction)

    def try_on(self, sources: Sequence[Source]) -> list[NDArray[np.uint8]]:
        """Dress persons."""
        self._reporter.expect_work("try-on", len(sources))
        return [image for _, image in self._bound.try_on(sources)]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a diagnosis.

    :param untrained: the same model before any training; None where there is none.
    :param untrained_is: which model that is, or why there is none.
    """

    model: System
    untrained: System | None
    untrained_is: str
    sample: Sample
    seed: int


@dataclass(frozen=True, slots=True)
class ProbedModel:
    """What measurements that only one kind of model has are given.

    :param untrained: the folder of the same model before any training; None where there is none.
    :param shared: for what several measurements use, such as the loaded model.
    """

    folder: Path
    untrained: Path | None
    untrained_is: str
    sample: Sample
    seed: int
    device: str
    reporter: Reporter
    shared: dict[str, Any] = field(default_factory=dict)

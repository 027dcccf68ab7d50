"""Task specification: a data set, a protocol, and the metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from fashionbench.errors import PluginError
from fashionbench.specs.base import Spec, no_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.training_examples import Kind
    from fashionbench.specs.capabilities import Capability
    from fashionbench.specs.protocol import ProtocolCard

TaskKind: TypeAlias = Literal[
    "cross-modal-retrieval",
    "image-retrieval",
    "composed-retrieval",
    "captioning",
    "virtual-try-on",
    "virtual-try-off",
    "fashion-design",
    "style-transfer",
    "outfit-compatibility",
    "complementary-retrieval",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec(Spec):
    """A task: a data set, a protocol, the metrics, and the target ``(spec: TaskSpec, data: DataRoots) -> Task``.

    :param version: ``major.minor.patch``; raise major or minor when a number changes.
    :param needs: sets of capabilities of which a backend must have one whole set.
    :param metrics: metric names in the order of presentation, such as ``("hit@1", "recall@5")``.
    :param main_metric: the one a leaderboard sorts by.
    :param trains: what its training part is made of, empty where it has none; None where nobody says.
    :param options: arguments of the target that follow from the protocol; they are part of a cell's identity.
    :param benchmark: what tasks share that are ways of measuring one thing, such as Fashion-IQ with another gallery.
    :param audit: ``"module:attribute"`` of ``(task, dataset, roots, gallery_text) -> Audit``; empty where none is.
    """

    version: str
    kind: TaskKind
    dataset: str
    protocol: ProtocolCard
    needs: tuple[frozenset[Capability], ...]
    metrics: tuple[str, ...]
    main_metric: str
    trains: frozenset[Kind] | None = None
    options: Mapping[str, object] = field(default_factory=no_options)
    benchmark: str = ""
    audit: str = ""

    def __post_init__(self) -> None:
        Spec.__post_init__(self)
        if (self.protocol.task, self.protocol.version) != (self.id, self.version):
            msg = f"{self.id} {self.version} has the protocol card of {self.protocol.task} {self.protocol.version}"
            raise PluginError(msg, remedy="make the card with ProtocolCard.of(id, version, fields)")

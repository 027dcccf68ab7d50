"""Frozen descriptions that plugins register.

A specification is data. What needs torch is named by a ``"module:attribute"`` target and imported when a cell runs, so
that listing, planning and help stay cheap and survive a machine without the heavy packages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from fashionbench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.capabilities import Capability
    from fashionbench.data.training import Kind
    from fashionbench.protocol import ProtocolCard

Access: TypeAlias = Literal["bundled", "generated", "public-url", "public-hub", "request"]
TaskKind: TypeAlias = Literal[
    "cross-modal-retrieval",
    "image-retrieval",
    "composed-retrieval",
    "captioning",
    "virtual-try-on",
    "fashion-design",
    "outfit-compatibility",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9@._-]*(/[a-z0-9][a-z0-9@._-]*)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def _no_options() -> Mapping[str, object]:
    return MappingProxyType({})


def _no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What every specification has.

    :param id: a lower-case name, namespaced as ``owner/name`` where it could clash.
    :param summary: one line for ``fashionbench list``.
    :param target: ``"module:attribute"`` of the callable that builds the object.
    """

    id: str
    summary: str
    target: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.id):
            msg = f"{type(self).__name__} has the id {self.id!r}"
            raise PluginError(
                msg, remedy="use lower-case letters, digits, '.', '_', '-' and '/' as in acme/street2shop"
            )
        if not _TARGET.fullmatch(self.target):
            msg = f"{self.id} has the target {self.target!r}"
            raise PluginError(msg, remedy="write it as package.module:attribute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence with the place where it is stated; ``usage`` is the widest use that it allows."""

    id: str
    source: str
    usage: Literal["any", "non-commercial", "research", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec(Spec):
    """A data set: where it comes from, what may be done with it, and the loader ``(root: Path | None) -> object``.

    :param revision: the publisher's version of the data.
    :param synthetic: whether the data were generated rather than photographed, drawn or written by people.
    :param how_to_get: instructions for a user who does not have it.
    :param expected: published counts by name, which ``fashionbench data verify`` compares with.
    :param beside: another data set, in whose folder this one lies where it has none of its own.
    :param maker: ``"module:attribute"`` of ``(out: Path, seed: int, options, advance) -> None`` for data that are made.
    """

    revision: str
    licence: Licence
    access: Access
    expected: Mapping[str, int] = field(default_factory=_no_counts)
    beside: str = ""
    maker: str = ""
    synthetic: bool = False
    splits: tuple[str, ...] = ()
    how_to_get: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec(Spec):
    """A task: a data set, a protocol, the metrics, and the target ``(spec: TaskSpec, data: DataRoots) -> Task``.

    :param version: ``major.minor.patch``; raise major or minor when a number changes.
    :param needs: sets of capabilities of which a backend must have one whole set.
    :param metrics: metric names in the order of presentation, such as ``("hit@1", "recall@5")``.
    :param main_metric: the one a leaderboard sorts by.
    :param trains: what its training part is made of, empty where it has none; None where nobody says.
    :param options: arguments of the target that follow from the protocol; they are part of a cell's identity.
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
    options: Mapping[str, object] = field(default_factory=_no_options)
    audit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(Spec):
    """A metric on stored predictions; the target is ``(table: pyarrow.Table, arguments: MetricArguments) -> Outcome``.

    :param id: the name, where ``@k`` stands for a cut-off: ``hit@k`` answers for ``hit@1`` and ``hit@10``.
    :param implementation: name and version of the code; two values are comparable only when it is equal.
    :param predictions: the schema of predictions that it reads, such as ``ranking/1``.
    :param packages: importable names that it needs.
    :param programs: programs that it needs on the path, such as ``java``.
    """

    implementation: str
    predictions: str
    higher_is_better: bool
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    unit: Literal["fraction", "rank", "score", "distance", "count"]


@dataclass(frozen=True, slots=True)
class TrainingDataUse:
    """A data set and its splits that a backend saw before it met the task; ``disclosed`` is False where nobody says."""

    dataset: str
    splits: tuple[str, ...]
    disclosed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec(Spec):
    """A backend; the target is ``(context: BackendContext) -> object`` with the methods of its capabilities.

    :param revision: raise it when the weights or the code change a number.
    :param control: a reference row (chance, oracle, copy) rather than a contender.
    :param privileged: it is shown the truth, as an oracle; such a row is marked on every board.
    :param fits: it learns from the task's training data before it is measured.
    :param learns_from: what it can learn from, any one of these; empty where it takes whatever there is.
    :param extra: the optional dependency group that it needs, such as ``pocket``.
    :param packages: importable names that it needs; ``doctor`` and the runner check them before the target is imported.
    :param options: default arguments, which a configuration may override.
    :param models: names of options that are folders of trained models; a record holds their content, not their path.
    :param trainer: the trainer whose result an empty option of ``models`` means; it is run once for a store.
    """

    revision: str
    capabilities: frozenset[Capability]
    control: bool = False
    privileged: bool = False
    fits: bool = False
    learns_from: frozenset[Kind] = frozenset()
    extra: str = ""
    packages: tuple[str, ...] = ()
    licence: str = "Apache-2.0"
    training_data: tuple[TrainingDataUse, ...] = ()
    options: Mapping[str, object] = field(default_factory=_no_options)
    models: tuple[str, ...] = ()
    trainer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSpec(Spec):
    """A trainer; the target is ``(config: Mapping, context: TrainingContext) -> TrainingResult``."""

    phases: tuple[str, ...]
    extra: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a board: a metric of a task, or of one of its slices.

    :param group: columns of one group make a table; without groups, all columns make one.
    """

    task: str
    metric: str
    slice: str = "all"
    label: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A leaderboard: which numbers of which backends, and what it is sorted by.

    :param backends: the rows to run by default; a record of any other backend is shown too.
    :param sort_by: index of the column that orders the rows; a table without it is ordered by its first column.
    """

    id: str
    title: str
    summary: str
    columns: tuple[Column, ...]
    backends: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    sort_by: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterSpec(Spec):
    """A file format of a board; the target is ``(board: Board) -> str``."""

    suffix: str


def resolve(target: str) -> object:
    """Import what a target names.

    :raises PluginError: where the module or the attribute does not exist; the cause is chained.
    """
    module, _, attribute = target.partition(":")
    try:
        found: object = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        msg = f"{target} cannot be imported: {error}"
        raise PluginError(msg, remedy="run 'fashionbench doctor' to see which packages are missing") from error
    return found

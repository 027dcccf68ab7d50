"""Backend specification: a model, its capabilities, its options, and what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.specs.base import Spec, no_options
from fashionbench.specs.resources import CELL, Resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.data.training_examples import Kind
    from fashionbench.specs.capabilities import Capability


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
    :param models: names of options that are folders or files of models; a record holds their content, not their path.
    :param roles_differ: whether one item is embedded otherwise as a query than as a candidate; where it is not, each
        image and each text is embedded once, whatever its role.
    :param secrets: names of options that nobody may read, such as a key; a record holds a salted hash of each, so that
        rows still differ, and nothing that is stored or printed holds the value.
    :param address: where its model is looked for when a run is planned and no option names one, such as
        ``hf:OWNER/NAME``; the hook ``describe_backend`` takes it.
    :param trainer: the trainer whose result an empty option of ``models`` means; it is run once for a store.
    :param stateless: whether an answer depends on nothing that was asked before, so that one loaded object may serve
        several cells, and several objects share the items of one; where it is not, each cell has a fresh one.
    :param resources: what a cell of it takes of a machine.
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
    options: Mapping[str, object] = field(default_factory=no_options)
    models: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    roles_differ: bool = False
    trainer: str = ""
    address: str = ""
    stateless: bool = False
    resources: Resources = CELL

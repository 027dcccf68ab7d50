"""Trainer specification."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.specs.base import Spec
from fashionbench.specs.resources import TRAINING, Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSpec(Spec):
    """A trainer; the target is ``(config: Mapping, context: TrainingContext) -> TrainingResult``.

    :param phases: names of the phases, in their order.
    :param extra: the optional dependency group that it needs.
    :param tasks: ``"module:attribute"`` of ``(config: Mapping) -> Sequence[str]``, the ids of the tasks whose training
        parts it learns from; with it, other data are another training. It should import nothing heavy.
    :param configuration: ``"module:attribute"`` of ``(config: Mapping) -> Mapping``, its whole configuration with
        these changes; with it, an ablation notices a change to what is the case anyway. It should import nothing heavy.
    :param resources: what a training takes of a machine.
    :param workers: whether it can read data ahead in processes of its own, as many as ``--workers`` says.
    :param fsdp: whether it can spread what learns over the processes that torchrun starts.
    """

    phases: tuple[str, ...]
    extra: str = ""
    tasks: str = ""
    configuration: str = ""
    resources: Resources = TRAINING
    workers: bool = False
    fsdp: bool = False

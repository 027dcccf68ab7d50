"""What a plugin says of a folder that holds a model of its kind, so that the model can be diagnosed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


def _no_reasons() -> Mapping[Capability, str]:
    return MappingProxyType({})


def _no_instructions() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosedModel:
    """A model in a folder; targets are ``"module:attribute"`` and imported when the diagnosis needs them.

    :param backend: name or address of the backend that runs the model.
    :param options: of that backend, such as the folder under the option that names it.
    :param lacks: capabilities that the backend has and this model has not, each with the reason.
    :param tasks: whose training parts the model learnt from, as the record of its training says; empty where nobody
        says.
    :param instructions: what captions are asked with, by data set, where the task itself has no instruction.
    :param trained_instruction: the one instruction that the training used for all data sets; empty where each has its
        own, or nobody says.
    :param held_out: target of ``(folder: Path) -> Callable[[str], bool]``, which tells whether a product or garment was
        kept out of the training; empty where nobody can tell.
    :param untrained: target of ``(folder: Path, out: Path, seed: int) -> str``, which writes the same model with new
        random weights into ``out`` and returns, in words, which parts it kept; empty where there is none.
    :param probes: target of a mapping from names to ``(probed: ProbedModel) -> Iterable[Measurement]``, measurements
        that only this kind of model has; empty where there are none.
    """

    backend: str
    options: Mapping[str, Any] = field(default_factory=_nothing)
    lacks: Mapping[Capability, str] = field(default_factory=_no_reasons)
    tasks: tuple[str, ...] = ()
    instructions: Mapping[str, str] = field(default_factory=_no_instructions)
    trained_instruction: str = ""
    held_out: str = ""
    untrained: str = ""
    probes: str = ""

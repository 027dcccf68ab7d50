"""Options of the composed retrieval baselines."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.errors import UnknownNameError
from fashionbench_baselines.options import require

if TYPE_CHECKING:
    from collections.abc import Mapping

USES = ("image", "text", "sum")


@dataclass(frozen=True, slots=True)
class RidgeOptions:
    """Options of ``baseline/pocket-sum`` and its controls.

    :param use: what a query is: ``image``, ``text`` or ``sum``.
    :param ridge: the weight of the penalty, in units of the mean squared norm of the texts.
    """

    use: str = "sum"
    ridge: float = 0.1

    def __post_init__(self) -> None:
        if self.use not in USES:
            raise UnknownNameError("use", self.use, USES)
        require(self.ridge > 0, "ridge", self.ridge, "above 0")


@dataclass(frozen=True, slots=True)
class CombinerOptions:
    """Options of ``baseline/combiner`` and of the trainer ``baseline-combiner``.

    The defaults were chosen on held-out training triplets of the generated Fashion-IQ.

    :param steps: of AdamW; more of them fit the training triplets alone.
    :param seconds: a budget that ends the training before its steps are done; 0 for none. With it, the weights depend
        on the speed of the machine.
    :param batch_size: triplets a step, drawn without replacement; all where there are no more.
    :param learning_rate: constant.
    :param weight_decay: of all weights.
    :param temperature: of the loss.
    :param projection: the length to which each side is projected.
    :param hidden: length of the hidden layers.
    :param dropout: after each hidden layer.
    :param ridge: the weight of the penalty in the regression of the texts, in units of their mean squared norm.
    """

    steps: int = 40
    seconds: float = 0.0
    batch_size: int = 128
    learning_rate: float = 0.0003
    weight_decay: float = 0.05
    temperature: float = 0.2
    projection: int = 256
    hidden: int = 512
    dropout: float = 0.5
    ridge: float = 0.1

    def __post_init__(self) -> None:
        for name in ("steps", "projection", "hidden"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2")
        require(0 <= self.seconds < math.inf, "seconds", self.seconds, "0 or above")
        for name in ("learning_rate", "temperature", "ridge"):
            require(0 < getattr(self, name) < math.inf, name, getattr(self, name), "above 0")
        require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or above")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 up to 1")


@dataclass(frozen=True, slots=True)
class TrainedCombinerOptions:
    """Options of ``baseline/trained-combiner``.

    :param model: the folder that the trainer ``baseline-combiner`` wrote.
    """

    model: str = ""


def training_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of the trainer ``baseline-combiner``.

    Beside the options: ``triplets``, the tasks that it learns from; ``seed``; and ``held_out``, the fraction of the
    targets that it is compared with the normalised sum on.
    """
    fields = {"triplets": ["atelier/fashion-iq-original"], "seed": 0, "held_out": 0.1}
    return {**fields, **asdict(CombinerOptions()), **config}


def training_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks whose training triplets the trainer learns from."""
    return tuple(training_configuration(config)["triplets"])

"""Options of the retrieval baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fashionbench_baselines.options import require

#: CLIP's bound on the scale of the logits, which keeps the training stable.
LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class LitOptions:
    """Options of ``baseline/pocket-lit``: how its two linear maps are trained.

    The defaults were chosen by learning from the emoji clothing of one artist and searching that of another. One set of
    options serves all three artists, so that the drawings of each had a part in choosing it.

    :param dimension: of the joint space.
    :param steps: of AdamW.
    :param batch_size: pairs a step, drawn without replacement; all pairs in every step where there are no more.
    :param learning_rate: constant.
    :param weight_decay: of the maps, not of the temperature.
    :param temperature: the first one; it is learnt.
    """

    dimension: int = 256
    steps: int = 100
    batch_size: int = 512
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    temperature: float = 0.2

    def __post_init__(self) -> None:
        require(self.dimension >= 1, "dimension", self.dimension, "at least 1")
        require(self.steps >= 1, "steps", self.steps, "at least 1")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2")
        require(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or above")
        lowest = 1 / LARGEST_SCALE
        require(lowest <= self.temperature < math.inf, "temperature", self.temperature, f"at least {lowest}")

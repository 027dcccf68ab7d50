"""Registry of training phases by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_unifashion.training.phases.composed import ComposedPhase
from fashionbench_unifashion.training.phases.contrastive import ContrastivePhase
from fashionbench_unifashion.training.phases.image import ImagePhase
from fashionbench_unifashion.training.phases.language import LanguagePhase
from fashionbench_unifashion.training.phases.try_on import TryOnPhase
from fashionbench_unifashion.training.phases.vae import VaePhase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.phases.base import Phase, PhaseInputs
    from fashionbench_unifashion.training.recipe import Kind, PhaseConfig

PHASES: Mapping[Kind, type[Phase]] = {
    "vae": VaePhase,
    "contrastive": ContrastivePhase,
    "language": LanguagePhase,
    "image": ImagePhase,
    "composed": ComposedPhase,
    "try_on": TryOnPhase,
}


def make_phase(name: str, config: PhaseConfig, inputs: PhaseInputs) -> Phase:
    """Make the phase of a recipe."""
    return PHASES[config.kind](name, config, inputs)


def train_only(model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:
    """Switch gradients on for what learns in a phase and off for the rest; return the former by name.

    :raises ConfigError: where the model lacks a part that the phase trains.
    """
    return PHASES[config.kind].train_only(model, config)

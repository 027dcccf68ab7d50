"""Trainer specification."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.specs.base import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSpec(Spec):
    """A trainer; the target is ``(config: Mapping, context: TrainingContext) -> TrainingResult``."""

    phases: tuple[str, ...]
    extra: str = ""

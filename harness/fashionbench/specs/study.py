"""Study specification: a ready ablation study of a plugin."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.specs.base import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySpec(Spec):
    """A ready study; the target is ``() -> Mapping`` with the fields of a study, as its YAML file has them."""

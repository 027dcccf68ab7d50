"""Finished phases that trainings share: those of one beginning, such as variants of an ablation, run it once.

A phase depends on what was trained before it, on its own configuration, and on everything of the recipe that is no
phase; every random choice of a step is drawn from seed, phase and step. Two trainings that agree in all of these have
the same weights at the end of the phase, so the second takes those of the first.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fashionbench import files
from fashionbench.canonical import digest, short
from fashionbench_unifashion.training.checkpoints import PhaseFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench_unifashion.training.recipe import Recipe

#: What a finished phase consists of; the last says that the others are whole.
_FILES = ("trained.safetensors", "log.jsonl", "done.json")
#: The entry of a summary that says that the phase was taken over.
TAKEN = "taken from a training of the same beginning"


@dataclass(frozen=True, slots=True)
class SharedPhases:
    """A folder of finished phases by what decides their weights.

    :param root: the folder, for one version of the code; None shares nothing.
    :param data: fingerprints of the data that are learnt from.
    :param device: what computes; sums on another one differ in their last digits.
    """

    root: Path | None
    recipe: Recipe
    data: Mapping[str, str]
    device: str
    processes: int

    def key(self, number: int) -> str:
        """Return the hash of everything that decides the weights at the end of a phase."""
        fields = self.recipe.model_dump(mode="json")
        phases = list(fields.pop("phases").items())[: number + 1]
        return digest([fields, phases, dict(self.data), self.device, self.processes, torch.__version__])

    def take(self, number: int, folder: PhaseFolder) -> bool:
        """Copy a finished phase into the folder of this training; False where there is none, or it is damaged."""
        if self.root is None or folder.root.exists():
            return False
        kept = PhaseFolder(self.root / short(self.key(number), 32))
        if not kept.done:
            return False
        summary = kept.summary()
        if files.sha256(kept.root / _FILES[0]) != summary.pop("sha256", ""):
            return False
        folder.root.mkdir(parents=True)
        for name in _FILES[:2]:
            if (kept.root / name).is_file():
                shutil.copyfile(kept.root / name, folder.root / name)
        files.write_text(folder.root / _FILES[2], _json({**summary, TAKEN: True}))
        return True

    def keep(self, number: int, folder: PhaseFolder) -> None:
        """Keep a phase that this training has finished, for others."""
        if self.root is None:
            return
        kept = PhaseFolder(self.root / short(self.key(number), 32))
        if kept.done:
            return
        kept.root.mkdir(parents=True, exist_ok=True)
        for name in _FILES[:2]:
            source = folder.root / name
            if source.is_file():
                files.write(kept.root / name, lambda path, source=source: shutil.copyfile(source, path))  # type: ignore[misc]
        checksum = files.sha256(kept.root / _FILES[0])
        files.write_text(kept.root / _FILES[2], _json({**folder.summary(), "sha256": checksum}))


def _json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, indent=2) + "\n"

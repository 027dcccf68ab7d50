"""Registers UniFashion: its trainers and its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.hookspecs import hookimpl
from fashionbench.specs import TrainerSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

FASHIONBENCH_API = (1, 0)

_PHASES = ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")


@hookimpl
def register_trainers() -> Iterable[TrainerSpec]:
    """Return the trainers."""
    told = {
        "tiny": "all phases on the generated twin, in minutes on two cores",
        "quick": "the same in two minutes, to see how it works",
        "paper": "the paper's size on FashionGen, Fashion-IQ and VITON-HD; needs GPUs",
        "nano": "a few steps of everything, for tests",
    }
    return [
        TrainerSpec(
            id=f"unifashion-{size}",
            summary=summary,
            target=f"fashionbench_unifashion.training.trainer:{size}",
            phases=_PHASES,
            extra="models",
        )
        for size, summary in told.items()
    ]

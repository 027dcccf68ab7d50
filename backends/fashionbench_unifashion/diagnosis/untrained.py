"""The same model before any training, as a reference of its diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.model.unifashion import UniFashion, load

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

#: What no phase that learns from pairs or triplets trains, or what was pretrained before.
_KEPT = ("vision.network.", "diffusion.vae.")


def write_untrained(folder: Path, out: Path, seed: int) -> str:
    """Write a model of new random weights into a folder, and say which parts it has from the trained one.

    The vision encoder and the autoencoder of images stay, and so does a language model that was adapted by LoRA, whose
    updates begin at zero: what is left out is what the phases taught.
    """
    trained = load(folder)
    fresh = new_model(trained, seed)
    fresh.save(out)
    adapted = trained.config.language is not None and trained.config.language.lora is not None
    kept = ["the vision encoder"]
    kept += ["the autoencoder of images"] if trained.diffusion is not None else []
    kept += ["the language model before its adaptation"] if adapted else []
    return f"the same model with new random weights (seed {seed}) beside {' and '.join(kept)}"


@torch.no_grad()
def new_model(trained: UniFashion, seed: int) -> UniFashion:
    """Build a model like another one with new random weights, but for the parts that are kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = UniFashion(trained.config, trained.pieces, trained.language_tokenizer)
    kept: tuple[str, ...] = _KEPT
    if trained.config.language is not None and trained.config.language.lora is not None:
        kept = (*kept, "language.")
    _copy(fresh, trained, kept)
    return fresh.eval()


def _copy(fresh: nn.Module, trained: nn.Module, kept: tuple[str, ...]) -> None:
    own = fresh.state_dict()
    for name, value in trained.state_dict().items():
        if name.startswith(kept) and "lora_" not in name:
            own[name].copy_(value)

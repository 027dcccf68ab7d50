"""The same model before any training, as a reference of its diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.model.unifashion import UniFashion, load

if TYPE_CHECKING:
    from pathlib import Path


def write_untrained(folder: Path, out: Path, seed: int) -> str:
    """Write a model of new random weights into a folder, and say which parts it has from the trained one.

    What was pretrained stays: the vision encoder, unless the phases train it too; the autoencoder of images; and a
    language model that was adapted by LoRA, whose updates begin at zero.
    """
    trained = load(folder)
    new_model(trained, seed).save(out)
    kept = kept_parts(trained)
    said = f"the same model with new random weights (seed {seed})"
    return f"{said}, but for {' and '.join(kept)}" if kept else said


def kept_parts(trained: UniFashion) -> dict[str, str]:
    """Return what an untrained model shares with the trained one: in words, and the start of its weights' names."""
    parts = {} if trained.vision.trainable else {"the vision encoder": "vision.network."}
    if trained.diffusion is not None:
        parts["the autoencoder of images"] = "diffusion.vae."
    if trained.config.language is not None and trained.config.language.lora is not None:
        parts["the language model before its adaptation"] = "language."
    return parts


@torch.no_grad()
def new_model(trained: UniFashion, seed: int) -> UniFashion:
    """Build a model like another one with new random weights, but for the parts that are kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = UniFashion(trained.config, trained.pieces, trained.language_tokenizer)
    kept = tuple(kept_parts(trained).values())
    own = fresh.state_dict()
    for name, value in trained.state_dict().items():
        if name.startswith(kept) and "lora_" not in name:
            own[name].copy_(value)
    return fresh.eval()

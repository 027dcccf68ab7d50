"""Which part of the model learns in which phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.recipe import PhaseConfig


def train_only(model: UniFashion, phase: PhaseConfig) -> dict[str, nn.Parameter]:
    """Switch gradients on for what learns in a phase and off for the rest; return the former by name.

    ==============  =============================================================================================
    phase           what learns
    ==============  =============================================================================================
    ``vae``  the VAE
    ``contrastive``    the Q-Former without q_T (UniFashion, 4.1), the layer norm on the image tokens, and the vision
                    encoder where it is one of our own
    ``language``       language model (its LoRA weights, or all of one from the start) and its adapter
    ``image``       diffusion model without VAE and control branch, and its adapter
    ``composed``     the Q-Former and the layer norm; language and diffusion model and both adapters stay as they are
    ``try_on``       the diffusion model's try-on parts, or all of it, and its adapter
    ==============  =============================================================================================

    :raises ConfigError: where the model lacks a part that the phase trains.
    """
    model.requires_grad_(requires_grad=False)
    chosen = _chosen(model, phase)
    for parameter in chosen.values():
        parameter.requires_grad = True
    return chosen


def _chosen(model: UniFashion, phase: PhaseConfig) -> dict[str, nn.Parameter]:
    named = dict(model.named_parameters())

    def under(*prefixes: str) -> dict[str, nn.Parameter]:
        return {name: value for name, value in named.items() if name.startswith(prefixes)}

    if phase.kind in {"vae", "image", "try_on"} and model.diffusion is None:
        raise ConfigError(f"the phase {phase.kind} needs a diffusion model", remedy="leave it out, or add one")
    if phase.kind == "language" and model.language is None:
        raise ConfigError("the phase speak needs a language model", remedy="leave it out, or add one")
    match phase.kind:
        case "vae":
            return under("diffusion.vae.")
        case "contrastive" | "composed":
            found = under("qformer.", "vision.ln_vision." if model.config.vision.train_norm else "qformer.")
            found |= under("vision.network.") if model.vision.trainable else {}
            # q_T reads what is searched for, which there is none of before phase 2; there, the text that is generated
            # comes from the language model and not from the Q-Former's own head.
            idle = ("qformer.target",) if phase.kind == "contrastive" else ("qformer.lm_head.",)
            return {name: value for name, value in found.items() if not name.startswith(idle)}
        case "language":
            assert model.language is not None  # noqa: S101
            adapted = any("lora_" in name for name in named)
            found = under("language.network.")
            if adapted:
                found = {name: value for name, value in found.items() if "lora_" in name}
            return under("language_adapter.") | found
        case "image":
            return under("diffusion_adapter.", "diffusion.unet.", "diffusion.unconditional")
        case "try_on":
            assert model.diffusion is not None  # noqa: S101
            wanted = {id(parameter) for parameter in model.diffusion.train_only(phase.diffusion)}
            model.requires_grad_(requires_grad=False)
            return under("diffusion_adapter.") | {name: value for name, value in named.items() if id(value) in wanted}

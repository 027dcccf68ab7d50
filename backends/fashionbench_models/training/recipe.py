"""Recipes of the trainers, read without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationInfo, field_validator

from fashionbench.records.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recipe(Model):
    """What every trainer here is told.

    :param pairs: tasks whose training pairs of image and text are learnt from.
    :param held_out: the fraction of products that are kept for validation, by a hash of their names.
    :param limit: the most pairs; None for all.
    :param steps: of AdamW.
    :param seconds: a budget that ends the training before its steps are done; 0 for none. With it, the weights depend
        on the speed of the machine.
    """

    pairs: tuple[str, ...] = Field(default=("atelier/fashiongen-full",), min_length=1)
    seed: int = Field(default=0, ge=0)
    held_out: float = Field(default=0.1, ge=0, lt=1)
    limit: int | None = Field(default=None, ge=2)
    steps: int = Field(default=300, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    batch_size: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)


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


def clip_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration of ``clip-from-scratch`` with these changes, unchecked."""
    return {**ClipRecipe().model_dump(mode="json"), **config}


def clip_tasks(config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks that ``clip-from-scratch`` learns from."""
    return tuple(clip_configuration(config)["pairs"])

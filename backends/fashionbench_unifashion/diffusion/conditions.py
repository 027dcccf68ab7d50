"""Image conditions of try-on and design: items of a batch to tensors, and sampled tensors back to images."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import binary_erosion
from torch import Tensor

from fashionbench.data.garment_contour import garment_of
from fashionbench.data.garment_warp import warped_into
from fashionbench.data.items import TryOnItem
from fashionbench.errors import BackendError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import DesignItem
    from fashionbench_unifashion.diffusion.config import DiffusionConfig

#: What the agnostic image holds where the garment is to be painted.
GREY = (128, 128, 128)
#: How far a colour of a garment's photo is from that of its border, in levels, where it is not background.
TOLERANCE = 24


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a batch, as images in [-1, 1] at the model's size.

    :param agnostic: the person, grey where the garment is to be painted: float [B, 3, H, W].
    :param keep: 1 where the person is kept, 0 where the garment is to be painted: float [B, 1, H, W].
    :param densepose: float [B, 3, H, W], or None where the model has no such condition.
    :param hint: the garment, or the sketch: float [B, 3, H, W], or None where the model has no such condition.
    :param hinted: which samples have a hint, bool [B]; a design without a sketch has none.
    :param warped: the garment, or the sketch, warped into what is to be painted, grey around it: float [B, 3, H, W], or
        None where the model has no such condition.
    :param designed: which samples are designs, whose sketch shows no colour of the garment, bool [B]; None: no sample.
    """

    agnostic: Tensor
    keep: Tensor
    densepose: Tensor | None
    hint: Tensor | None
    hinted: Tensor
    warped: Tensor | None = None
    designed: Tensor | None = None

    def to(self, device: torch.device | str) -> Conditions:
        """Move to a device."""
        return self._each(lambda part: part.to(device))

    def take(self, rows: Tensor) -> Conditions:
        """Return some of the samples, by number: int [N]."""
        return self._each(lambda part: part[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Conditions:
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {name: None if part is None else change(part) for name, part in parts.items()}
        return Conditions(**changed)


@dataclass(frozen=True, slots=True)
class EncodedConditions:
    """The conditions of a batch, as the UNet takes them; they do not change in training, so they may be kept.

    :param channels: what stands beside the noisy latent in the UNet's input: float [B, C - 4, h, w].
    :param hint: latent of the garment or the sketch, float [B, 4, h, w]; zero for a sample without a hint; None where
        the model has no control branch.
    :param designed: which samples are designs, bool [B]; None: no sample.
    """

    channels: Tensor
    hint: Tensor | None
    designed: Tensor | None = None


def image_tensor(image: Image.Image, width: int, height: int) -> Tensor:
    """Bring an image to a size: float [3, height, width] in [-1, 1]."""
    image = image.convert("RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def keep_tensor(mask: Image.Image, width: int, height: int) -> Tensor:
    """Turn an agnostic mask, white where the garment is to be painted, into 1 = keep: float [1, height, width]."""
    return 1 - (torch.from_numpy(np.array(_paint(mask, (width, height)))) > 0).float()[None]


def read_conditions(items: Sequence[TryOnItem | DesignItem], config: DiffusionConfig) -> Conditions:
    """Read the conditions of a batch.

    The agnostic image is made anew from the data set's agnostic image, or from the person where there is none: grey
    wherever the mask says that the garment is to be painted, at the images' own size, so that nothing of the worn
    garment bleeds into what is kept when they are made smaller.

    :raises DataError: naming the item that lacks a condition which the model needs.
    """
    if "agnostic" not in config.conditions:
        raise DataError("this model has no try-on conditions", remedy="configure conditions, or pass it none")
    width, height = config.width, config.height
    hints = [item.garment if isinstance(item, TryOnItem) else item.sketch for item in items]
    masks = [_condition(item, "agnostic-mask") for item in items]
    agnostics = [_agnostic(item, mask) for item, mask in zip(items, masks, strict=True)]
    blank = torch.zeros(3, height, width)
    return Conditions(
        torch.stack([image_tensor(image, width, height) for image in agnostics]),
        torch.stack([keep_tensor(mask, width, height) for mask in masks]),
        torch.stack([image_tensor(_condition(item, "densepose"), width, height) for item in items])
        if "densepose" in config.conditions
        else None,
        torch.stack([blank if hint is None else image_tensor(hint, width, height) for hint in hints])
        if "hint" in config.conditions
        else None,
        torch.tensor([hint is not None for hint in hints]),
        torch.stack([_warped(hint, mask, width, height) for hint, mask in zip(hints, masks, strict=True)])
        if "warped-garment" in config.conditions
        else None,
        torch.tensor([not isinstance(item, TryOnItem) for item in items]),
    )


def with_sketch(item: TryOnItem, conditions: Conditions, hint: Image.Image, config: DiffusionConfig) -> Conditions:
    """Make a design of one try-on sample: a sketch in the place of the garment, while the person stays the same."""
    changed = replace(conditions, hinted=torch.tensor([True]), designed=torch.tensor([True]))
    if conditions.hint is not None:
        changed = replace(changed, hint=image_tensor(hint, config.width, config.height)[None])
    if conditions.warped is not None:
        warped = _warped(hint, _condition(item, "agnostic-mask"), config.width, config.height)
        changed = replace(changed, warped=warped[None])
    return changed


def finish(
    images: Tensor, items: Sequence[TryOnItem | DesignItem], *, repaint: bool = False
) -> list[NDArray[np.uint8]]:
    """Turn what was sampled into images of the persons' sizes.

    :param images: float [B, 3, H, W] in [-1, 1].
    :param repaint: put the person back outside the agnostic mask, which flatters every metric and changes no garment
        (``--repaint`` of the released code). Tasks declare it themselves, so backends leave it off.
    :raises BackendError: where a value is not finite or leaves [-1, 1].
    """
    finished: list[NDArray[np.uint8]] = []
    for item, sampled in zip(items, images, strict=True):
        if not bool((sampled.abs() <= 1).all()):
            raise BackendError(f"{item.id}: the image holds values outside [-1, 1] or NaN", remedy="train it anew")
        image = Image.fromarray(to_pixels(sampled))
        if image.size != item.person.size:
            image = image.resize(item.person.size, Image.Resampling.BICUBIC)
        if repaint:
            mask = _paint(_condition(item, "agnostic-mask"), image.size)
            image = Image.composite(image, item.person.convert("RGB"), mask)
        finished.append(np.asarray(image))
    return finished


def to_pixels(image: Tensor) -> NDArray[np.uint8]:
    """Turn float [3, H, W] in [-1, 1] into uint8 [H, W, 3]."""
    levels = ((image.detach().cpu().float() + 1) * 127.5).round()
    pixels: NDArray[np.uint8] = levels.to(torch.uint8).permute(1, 2, 0).numpy()
    return pixels


def _condition(item: TryOnItem | DesignItem, name: str) -> Image.Image:
    if name not in item.conditions:
        raise DataError(
            f"{item.id} has no condition {name}", remedy="use a data set that has it, or a model trained without it"
        )
    return item.conditions[name]


def _agnostic(item: TryOnItem | DesignItem, mask: Image.Image) -> Image.Image:
    base = item.conditions.get("agnostic", item.person).convert("RGB")
    return Image.composite(Image.new("RGB", base.size, GREY), base, _paint(mask, base.size))


def _warped(hint: Image.Image | None, mask: Image.Image, width: int, height: int) -> Tensor:
    """Warp a garment into a mask, at the model's size, on the grey of the agnostic image."""
    laid = np.full((height, width, 3), GREY, dtype=np.uint8)
    inside = np.asarray(_paint(mask, (width, height))) > 0
    if hint is not None and inside.any():
        # At the scale that it is laid at, or fine prints would be sampled at random.
        scale = min(1.0, max(width / hint.width, height / hint.height))
        size = (max(1, round(scale * hint.width)), max(1, round(scale * hint.height)))
        photo = np.asarray(hint.convert("RGB").resize(size, Image.Resampling.BICUBIC))
        garment = garment_of(photo, TOLERANCE)
        # Its edge is mixed with the background where the photo was made smaller.
        inner = binary_erosion(garment)
        laid[inside] = warped_into(inside, photo, inner if inner.any() else garment)
    return image_tensor(Image.fromarray(laid), width, height)


def _paint(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Bring a mask to a size, 255 where the garment is to be painted and 0 elsewhere."""
    mask = mask.convert("L")
    if mask.size != size:
        mask = mask.resize(size, Image.Resampling.NEAREST)
    return mask.point(lambda value: 255 * (value > 127))

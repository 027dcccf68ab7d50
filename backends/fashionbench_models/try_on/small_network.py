"""What a small inpainting network is shown of a try-on, and how it paints: pixels in patches, DDIM.

The network sees the person without the masked region, the mask, the pose, and the garment cut out of its photo and laid
over the box of the mask, all as channels of one image (:data:`CHANNELS`). Pixels of a patch are channels too, so that a
picture of 128 x 96 costs what one of 32 x 24 does. A network that is narrower than a patch cannot hand noise on, so it
predicts the picture itself (Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025). The noise
schedule ends in pure noise, and sampling begins there (Lin et al., "Common Diffusion Noise Schedules and Sample Steps
are Flawed", WACV 2024): a schedule that ends before leaks the mean colour of a garment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import TryOnItem

    Levels = NDArray[np.uint8]

#: Person, mask, pose and garment.
CHANNELS = 3 + 1 + 3 + 3
#: By how many of 255 levels a pixel of a garment's photo differs from its border.
_TOLERANCE = 24


@dataclass(frozen=True, slots=True)
class Size:
    """The pictures of a network: sides in pixels, and the side of a patch that divides both."""

    height: int
    width: int
    patch: int

    def patches(self, pixels: Tensor) -> Tensor:
        """Turn pixels [B, C, H, W] into [B, C * patch^2, H / patch, W / patch]."""
        return functional.pixel_unshuffle(pixels, self.patch)

    def pixels(self, patches: Tensor) -> Tensor:
        """Turn patches into pixels."""
        return functional.pixel_shuffle(patches, self.patch)

    def fields(self) -> dict[str, int]:
        """Return the sides by name."""
        return asdict(self)


def new_network(size: Size, widths: tuple[int, ...]) -> Any:
    """Make a UNet of diffusers with random weights; the last level attends to all places."""
    from diffusers import UNet2DModel  # noqa: PLC0415

    levels = len(widths)
    return UNet2DModel(
        sample_size=(size.height // size.patch, size.width // size.patch),
        in_channels=(3 + CHANNELS) * size.patch**2,
        out_channels=3 * size.patch**2,
        block_out_channels=widths,
        down_block_types=("DownBlock2D",) * (levels - 1) + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),
        layers_per_block=1,
        attention_head_dim=16,
        norm_num_groups=8,
    )


def new_schedule() -> Any:
    """Make the noise schedule."""
    from diffusers import DDIMScheduler  # noqa: PLC0415

    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=True,
    )


def shown(item: TryOnItem, size: Size) -> Levels:
    """Return what the network is shown of an item, as levels [CHANNELS, H, W].

    :raises BackendError: where there is no agnostic mask.
    """
    if "agnostic-mask" not in item.conditions:
        raise BackendError(f"{item.id} has no agnostic mask", remedy="use a data set with agnostic masks")
    mask = _resized(item.conditions["agnostic-mask"].convert("L"), size, Image.Resampling.BOX) > 127
    person = _resized(item.person.convert("RGB"), size, Image.Resampling.BOX)
    person[mask] = 127
    pose = item.conditions.get("densepose")
    body = np.zeros_like(person) if pose is None else _resized(pose.convert("RGB"), size, Image.Resampling.NEAREST)
    garment = _laid_over(item, mask, person.shape)
    layers = (person, np.where(mask, 255, 0).astype(np.uint8)[..., None], body, garment)
    return np.concatenate(layers, axis=2).transpose(2, 0, 1)


def levels_of(image: Image.Image, size: Size) -> Levels:
    """Return an image as levels [3, H, W]."""
    return _resized(image.convert("RGB"), size, Image.Resampling.BOX).transpose(2, 0, 1)


def values(levels: Tensor) -> Tensor:
    """Turn levels into values from -1 to 1."""
    return levels.float() / 127.5 - 1


@torch.inference_mode()
def paint(network: Any, schedule: Any, given: Tensor, noise: Tensor, steps: int) -> Tensor:
    """Sample patches from noise.

    :param given: what the network is shown, in patches.
    """
    schedule.set_timesteps(steps)
    made = noise
    for time in schedule.timesteps:
        predicted = network(torch.cat([made, given], dim=1), time.to(made.device)).sample
        made = schedule.step(predicted, time, made).prev_sample
    return made


def _resized(image: Image.Image, size: Size, filter_: Image.Resampling) -> Levels:
    return np.array(image.resize((size.width, size.height), filter_))


def _laid_over(item: TryOnItem, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> Levels:
    """Cut the garment out of its photo and lay it over the box of the mask, before grey."""
    canvas = np.full(shape, 127, dtype=np.uint8)
    if not mask.any():
        return canvas
    photo = item.garment.convert("RGB")
    left, top, right, bottom = _box(_garment(item.conditions, np.asarray(photo)))
    to_left, to_top, to_right, to_bottom = _box(mask)
    cut = photo.crop((left, top, right, bottom)).resize((to_right - to_left, to_bottom - to_top), Image.Resampling.BOX)
    canvas[to_top:to_bottom, to_left:to_right] = np.asarray(cut)
    return canvas


def _garment(conditions: Mapping[str, Image.Image], photo: Levels) -> NDArray[np.bool_]:
    """Find the garment on its photo: by its mask, or by what differs from the colour of the border; or all of it."""
    if "cloth-mask" in conditions:
        mask: NDArray[np.bool_] = np.asarray(conditions["cloth-mask"].convert("L")) > 127
        if mask.shape == photo.shape[:2] and mask.any():
            return mask
    border = np.concatenate([photo[0], photo[-1], photo[:, 0], photo[:, -1]])
    differs: NDArray[np.bool_] = np.abs(photo - np.median(border, axis=0)).max(axis=2) > _TOLERANCE
    return differs if differs.any() else np.ones(photo.shape[:2], dtype=np.bool_)


def _box(region: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return the box of a region as left, top, right and bottom, of which the last two are outside."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

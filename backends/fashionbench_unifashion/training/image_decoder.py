"""Images opened once each, as the vision encoder takes them and as the diffusion model takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from fashionbench_unifashion.model.unifashion import UniFashion


@dataclass(frozen=True, slots=True)
class DecodedImages:
    """Images that were opened, by id.

    :param encoder: pixels for the vision encoder, float [3, S, S].
    :param small: images for the diffusion model, bytes [3, H, W].
    """

    encoder: dict[str, Tensor] = field(default_factory=dict)
    small: dict[str, Tensor] = field(default_factory=dict)


class ImageDecoder:
    """Opens images for a model without its weights, so that another process can do it.

    :param open_: opens an image by its id.
    """

    def __init__(self, model: UniFashion, open_: Callable[[str], Image.Image]) -> None:
        self._transform, self._open = model.transform, open_
        self._diffusion = None if model.diffusion is None else model.diffusion.config

    def add(self, decoded: DecodedImages, *, encoder: Iterable[str] = (), small: Iterable[str] = ()) -> None:
        """Add what is not there yet of some images; one that is wanted in both forms is opened once."""
        encoded = {name: None for name in encoder if name not in decoded.encoder}
        resized = {name: None for name in small if name not in decoded.small}
        for name in encoded | resized:
            image = self._open(name)
            if name in encoded:
                decoded.encoder[name] = self._transform(image)
            if name in resized:
                assert self._diffusion is not None  # noqa: S101
                decoded.small[name] = fitted(image, self._diffusion.width, self._diffusion.height)


def fitted(image: Image.Image, width: int, height: int) -> Tensor:
    """Fit an image into a size without distortion, on white, as bytes [3, height, width]."""
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC), ((width - size[0]) // 2, (height - size[1]) // 2)
    )
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)

"""Try-on by a small inpainting UNet that ``fashionbench train inpainting-from-scratch`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from fashionbench.errors import BackendError
from fashionbench.seeding import seed_of
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.folder import read_json
from fashionbench_models.options import read_options
from fashionbench_models.try_on.pipeline import load_network
from fashionbench_models.try_on.small_network import CHANNELS, Size, paint, shown, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]

#: The file that tells such a folder from another one.
FILE = "small_inpainting.json"


class SmallInpainting:
    """A small UNet that paints within the mask; outside of it the photo stays as it is.

    Items pass one at a time, from noise of the run's seed and the item's id.

    :ivar preprocessing: how images are made, for the record.
    :raises BackendError: where the folder is not whole, or an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        from diffusers import DDIMScheduler  # noqa: PLC0415

        self.options = read_options(context.options)
        self._seed = context.seed
        self.device = self.options.device or context.device
        folder = Path(self.options.model)
        try:
            self._size = Size(**read_json(folder / FILE))
        except TypeError as error:
            raise BackendError(f"{folder / FILE} has other fields: {error}", remedy="train the model again") from error
        self._network: Any = load_network(folder, "diffusers", "UNet2DModel", getattr(torch, self.options.dtype))
        if self._network.config.in_channels != (3 + CHANNELS) * self._size.patch**2:
            msg = f"the network in {folder} takes {self._network.config.in_channels} channels"
            raise BackendError(msg, remedy="train the model again")
        self._network.to(self.device)
        self._schedule: Any = DDIMScheduler.from_pretrained(folder, local_files_only=True)
        self.parameters = count_parameters(self._network)
        self.preprocessing = {
            "dtype": self.options.dtype,
            "size": f"{self._size.width} x {self._size.height}, in patches of {self._size.patch}",
            "given": "the person without the masked region, the mask, densepose, the garment over the box of the mask",
            "sampling": f"DDIM, {self.options.steps} steps, trailing",
            "noise": "of seed and item id",
            "outside the mask": "the photo",
        }

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person in its garment."""
        return [self._dress(item) for item in items]

    def _dress(self, item: TryOnItem) -> Pixels:
        given = self._size.patches(values(torch.from_numpy(shown(item, self._size)))[None])
        generator = torch.Generator("cpu").manual_seed(seed_of(self._seed, item.id))
        noise = torch.randn((1, 3 * self._size.patch**2, *given.shape[2:]), generator=generator)
        dtype = next(self._network.parameters()).dtype
        given, noise = (tensor.to(self.device, dtype) for tensor in (given, noise))
        made = self._size.pixels(paint(self._network, self._schedule, given, noise, self.options.steps))[0]
        levels = ((made.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        photo = item.person.convert("RGB")
        painted = Image.fromarray(levels).resize(photo.size, Image.Resampling.BICUBIC)
        mask = item.conditions["agnostic-mask"].convert("L").resize(photo.size, Image.Resampling.NEAREST)
        return np.where((np.asarray(mask) > 127)[..., None], np.asarray(painted), np.asarray(photo))

"""Design and try-on by inpainting: the agnostic mask is painted anew, by the words or by an IP-Adapter's garment.

An item is painted on its own, from noise that is drawn on the CPU from the run's seed and the item's id, so that
neither its batch nor its order nor the device changes what it starts from. The network sees the photo at sides that its
VAE can divide; what it returns is resized back by Lanczos, and is not pasted over the photo: a task with repaint does
that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from fashionbench.errors import BackendError
from fashionbench.seeding import seed_of
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.options import read_options
from fashionbench_models.try_on.item_images import photo_and_mask
from fashionbench_models.try_on.pipeline import load_adapter, load_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import DesignItem, TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]


class Inpainting:
    """An inpainting pipeline.

    :ivar preprocessing: how images are made, for the record.
    :raises BackendError: where the folder is not whole, or an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = read_options(context.options)
        self._seed = context.seed
        self.device = self.options.device or context.device
        self._pipeline = load_pipeline(self.options, self.device)
        self.parameters = sum(
            count_parameters(part) for part in self._pipeline.components.values() if isinstance(part, torch.nn.Module)
        )
        self.preprocessing = {
            "dtype": self.options.dtype,
            "pipeline": type(self._pipeline).__name__,
            "scheduler": type(self._pipeline.scheduler).__name__,
            "sampling": f"{self.options.steps} steps, guidance {self.options.guidance}, noise of seed and item id",
            "size": f"longer side {self.options.size}" if self.options.size else "the photo's",
            "safety checker": "none",
        }

    def _paint(self, item: TryOnItem | DesignItem, prompt: str, **more: Any) -> Pixels:
        """Paint within the mask of an item."""
        photo, mask = photo_and_mask(item, self.options.size, int(self._pipeline.vae_scale_factor))
        with torch.inference_mode():
            made = self._pipeline(
                prompt=prompt,
                negative_prompt=self.options.negative_prompt or None,
                image=photo,
                mask_image=mask,
                width=photo.width,
                height=photo.height,
                strength=1.0,
                num_inference_steps=self.options.steps,
                guidance_scale=self.options.guidance,
                generator=torch.Generator("cpu").manual_seed(seed_of(self._seed, item.id)),
                **more,
            ).images[0]
        return np.asarray(made.convert("RGB").resize(item.person.size, Image.Resampling.LANCZOS))


class InpaintingDesign(Inpainting):
    """Designs a garment by words alone; sketches are not looked at."""

    def design(self, items: Sequence[DesignItem]) -> list[Pixels]:
        """Return each person with the garment of the words."""
        return [self._paint(item, self.options.prefix + item.text) for item in items]


class InpaintingTryOn(Inpainting):
    """Dresses a person in the garment that an IP-Adapter is shown."""

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        if not self.options.adapter:
            raise BackendError("there is no IP-Adapter to show the garment to", remedy="give adapter=FOLDER")
        name = load_adapter(self._pipeline, self.options)
        self.preprocessing["adapter"] = f"{name}, scale {self.options.adapter_scale}"
        self.preprocessing["prompt"] = self.options.prompt or "no words"
        self.parameters += count_parameters(self._pipeline.image_encoder)

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person in its garment."""
        return [self._paint(i, self.options.prompt, ip_adapter_image=i.garment.convert("RGB")) for i in items]

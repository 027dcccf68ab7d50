"""Controls of image generation: copy what was given, paste the garment, cut it out, or return the true image.

Copying the person scores a distance of zero in the unpaired setting, for the real side is those very photos, and
transfers nothing; it stands beside every unpaired number for that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.errors import BackendError
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import DesignItem, GenerationItem, StyleTransferItem, TryOffItem, TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]


class CopyPerson:
    """Returns the person as it is."""

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def try_on(self, items: Sequence[TryOnItem | TryOffItem | DesignItem]) -> list[Pixels]:
        """Return each person."""
        return [np.asarray(item.person) for item in items]

    try_off = design = try_on


class PasteGarment:
    """Pastes the garment's photo into the box of the agnostic mask, and keeps the person outside the mask.

    :raises BackendError: where an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person with its garment pasted on."""
        return [self._one(item) for item in items]

    @staticmethod
    def _one(item: TryOnItem) -> Pixels:
        if "agnostic-mask" not in item.conditions:
            raise BackendError(f"{item.id} has no agnostic mask", remedy="use a data set with agnostic masks")
        mask = item.conditions["agnostic-mask"].point(lambda value: 255 * (value > 127))
        box = mask.getbbox()
        if box is None:
            return np.asarray(item.person)
        pasted = item.person.copy()
        garment = item.garment.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC)
        pasted.paste(garment, box[:2], mask.crop(box))
        return np.asarray(pasted)


class CropGarment:
    """Cuts what the mask of the garment covers out of the photo, and lays it on white, as large as it fits.

    The mask is that of the garment where there is one, or else that of what may be painted, which is larger.

    :raises BackendError: where an item has no mask.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def try_off(self, items: Sequence[TryOffItem]) -> list[Pixels]:
        """Return the garment of each person as it is worn."""
        return [self._one(item) for item in items]

    @staticmethod
    def _one(item: TryOffItem) -> Pixels:
        masks = [item.conditions[name] for name in ("garment-mask", "agnostic-mask") if name in item.conditions]
        if not masks:
            raise BackendError(f"{item.id} has no mask of the garment", remedy="use a data set with masks")
        mask = masks[0].point(lambda value: 255 * (value > 127))
        white = Image.new("RGB", item.person.size, (255, 255, 255))
        box = mask.getbbox()
        if box is None:
            return np.asarray(white)
        cut = Image.composite(item.person, white, mask).crop(box)
        scale = min(white.width / cut.width, white.height / cut.height)
        size = max(1, round(cut.width * scale)), max(1, round(cut.height * scale))
        place = (white.width - size[0]) // 2, (white.height - size[1]) // 2
        white.paste(cut.resize(size, Image.Resampling.BICUBIC), place)
        return np.asarray(white)


class CopyGarment:
    """Returns the garment as it is, in its own style."""

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> list[Pixels]:
        """Return each garment."""
        return [np.asarray(item.garment) for item in items]


class CopyStyle:
    """Returns the photo of the style, at the size of the garment's; of words alone, a white image."""

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> list[Pixels]:
        """Return each style."""
        return [np.asarray(self._one(item)) for item in items]

    @staticmethod
    def _one(item: StyleTransferItem) -> Image.Image:
        if item.style is None:
            return Image.new("RGB", item.garment.size, (255, 255, 255))
        if item.style.size == item.garment.size:
            return item.style
        return item.style.resize(item.garment.size, Image.Resampling.BICUBIC)


class OracleImage:
    """Returns the truth of each item, which only a privileged control is shown.

    :raises BackendError: where an item has no known truth.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)
        self._truth: Truth | None = None

    def reveal(self, truth: Truth) -> None:
        """Take the truth."""
        self._truth = truth

    def try_on(self, items: Sequence[GenerationItem]) -> list[Pixels]:
        """Return the true images."""
        if self._truth is None:
            raise BackendError("the oracle was not shown the truth", remedy="run it through fashionbench")
        unknown = [item.id for item in items if item.id not in self._truth.images]
        if unknown:
            raise BackendError(f"there is no true image of {unknown[0]}", remedy="leave the oracle out here")
        return [np.asarray(self._truth.images[item.id]) for item in items]

    try_off = design = transfer_style = try_on

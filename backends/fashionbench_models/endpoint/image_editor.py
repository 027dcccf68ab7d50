"""Try-on and design by an image-editing model behind an OpenAI-compatible endpoint.

In a paired task the person's photo is the answer, so by default the model is shown it grey within the agnostic mask.
What it returns is brought to the size of the photo by Lanczos, and is not pasted over the photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.errors import BackendError
from fashionbench_models.endpoint.client import EndpointClient
from fashionbench_models.endpoint.edit import Edit, decoded, png
from fashionbench_models.endpoint.options import EditOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import DesignItem, TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]
    Box = tuple[int, int, int, int]

_GREY = (128, 128, 128)
#: How much the shape of an answer may differ from that of the photo, in parts of it.
_TOLERANCE = 0.02
_TRY_ON = {
    "masked": "Paint the grey area of the first image so that the person wears the garment of the second image. "
    "Leave everything else as it is.",
    "whole": "Dress the person of the first image in the garment of the second image. Leave everything else as it is.",
}
_DESIGN = {
    "masked": "Paint the grey area of the image so that the person wears this garment: {text}. "
    "Leave everything else as it is.",
    "whole": "Dress the person of the image in this garment: {text}. Leave everything else as it is.",
}


class ImageEditor:
    """A model that edits images behind an endpoint.

    :ivar preprocessing: what was asked how, and what it cost, for the record.
    :raises BackendError: where the environment has no key.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = EditOptions(**context.options)
        self._client = EndpointClient(self.options, context.cache)
        self.preprocessing: dict[str, str] = {}

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person in its garment.

        :raises BackendError: where an answer cannot be had, or is of another shape; what was answered is kept.
        """
        prompt = self.options.prompt or _TRY_ON[self.options.person]
        return self._edited([(item, prompt, item.garment) for item in items], prompt)

    def design(self, items: Sequence[DesignItem]) -> list[Pixels]:
        """Return each person in the garment of the words; a sketch is shown as the second image.

        :raises BackendError: as :meth:`try_on`.
        """
        prompt = self.options.design_prompt or _DESIGN[self.options.person]
        return self._edited([(item, prompt.replace("{text}", item.text), item.sketch) for item in items], prompt)

    def _edited(
        self, wanted: Sequence[tuple[TryOnItem | DesignItem, str, Image.Image | None]], prompt: str
    ) -> list[Pixels]:
        try:
            answers = self._client.answers([self._edit(*one) for one in wanted])
        finally:
            self.preprocessing = self._client.facts(prompt) | {
                "person": self.options.person,
                "size": self.options.size or "the photo's",
                "image_side": str(self.options.image_side or "as it is"),
            }
        return [self._cut(item, answer) for (item, *_), answer in zip(wanted, answers, strict=True)]

    def _edit(self, item: TryOnItem | DesignItem, prompt: str, other: Image.Image | None) -> Edit:
        person, hidden = item.person.convert("RGB"), None
        if self.options.person == "masked":
            if "agnostic-mask" not in item.conditions:
                remedy = "use a data set with agnostic masks, or give person=whole where the garment is another one"
                raise BackendError(f"{item.id} has no agnostic mask", remedy=remedy)
            hidden = item.conditions["agnostic-mask"].convert("L").point(lambda level: 255 * (level > 127))
            person = Image.composite(Image.new("RGB", person.size, _GREY), person, hidden)
        size, box = self._placed(person.size)
        shown = Image.new("RGB", size, "white")
        shown.paste(person.resize(_extent(box), Image.Resampling.LANCZOS), box[:2])
        mask = None
        if hidden is not None:
            kept = Image.new("L", size, 255)
            kept.paste(Image.eval(hidden.resize(_extent(box), Image.Resampling.NEAREST), lambda v: 255 - v), box[:2])
            mask = png(Image.merge("RGBA", (*shown.split(), kept)))
        images = [png(shown)]
        if other is not None:
            images.append(png(self._smaller(other.convert("RGB"))))
        passed = {name: getattr(self.options, name) for name in ("model", "size", "quality", "response_format")}
        fields = {name: value for name, value in passed.items() if value}
        return Edit(item.id, {**fields, "prompt": prompt}, images, mask)

    def _placed(self, size: tuple[int, int]) -> tuple[tuple[int, int], Box]:
        """Return the size of what is sent, and the box of the photo in it."""
        canvas = self.options.canvas
        if canvas is None:
            canvas = self._smaller(Image.new("L", size)).size
            return canvas, (0, 0, *canvas)
        scale = min(canvas[0] / size[0], canvas[1] / size[1])
        width, height = (max(1, round(side * scale)) for side in size)
        left, top = (canvas[0] - width) // 2, (canvas[1] - height) // 2
        return canvas, (left, top, left + width, top + height)

    def _smaller(self, image: Image.Image) -> Image.Image:
        side = self.options.image_side
        if side and max(image.size) > side:
            image.thumbnail((side, side))
        return image

    def _cut(self, item: TryOnItem | DesignItem, answer: str) -> Pixels:
        made = decoded(answer, item.id)
        size, box = self._placed(item.person.size)
        if abs(made.width * size[1] / (made.height * size[0]) - 1) > _TOLERANCE:
            shape, asked = (f"{one[0]} x {one[1]}" for one in (made.size, size))
            msg = f"the endpoint made an image of {shape} for {item.id}, and {asked} has another shape"
            raise BackendError(msg, remedy="give size=WIDTHxHEIGHT, as the model makes them")
        part = made.resize(item.person.size, Image.Resampling.LANCZOS, box=_scaled(box, size, made.size))
        return np.asarray(part)


def _extent(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _scaled(box: Box, size: tuple[int, int], made: tuple[int, int]) -> tuple[float, float, float, float]:
    across, down = made[0] / size[0], made[1] / size[1]
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down

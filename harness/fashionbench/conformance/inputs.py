"""Inputs of the checks: ordinary items, extreme ones, and a small training part, all made from seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import (
    ComposedItem,
    DesignItem,
    ImageItem,
    PairItem,
    StyleTransferItem,
    TextItem,
    TryOffItem,
    TryOnItem,
)
from fashionbench.data.training_examples import Pair, TrainingData, Triplet, TryOnExample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import Item
    from fashionbench.specs.capabilities import Capability

COLOURS = ("red", "green", "blue", "black", "white", "yellow", "brown")
GARMENTS = ("dress", "shirt", "skirt")
SIZE = (48, 64)

#: Texts that data sets hold and tokenizers stumble over.
EXTREME_TEXTS = {
    "empty": "",
    "blank": " \t\n",
    "emoji": "👗 robe d'été 👒",
    "right to left": "فستان أحمر طويل",
    "Chinese": "红色连衣裙，长袖",
    "decomposed": "robe d'e\u0301te\u0301 a\u0300 pois",
    "control characters": "red\u0000 dress\u200b with\u202e sleeves",
    "five hundred words": " ".join(["red dress with long sleeves"] * 100),
}
#: Sizes of images, as width and height, that data sets hold and networks stumble over.
EXTREME_SIZES = {
    "one pixel": (1, 1),
    "one row": (400, 1),
    "one column": (1, 400),
    "strip": (1200, 12),
    "large": (2400, 1600),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A garment in all roles that a task may give it."""

    image: ImageItem
    text: TextItem
    composed: ComposedItem
    pair: PairItem
    try_on: TryOnItem
    try_off: TryOffItem
    design: DesignItem
    style_transfer: StyleTransferItem

    def item(self, capability: Capability) -> Item:
        """Return what a capability is asked with."""
        by_capability: dict[Capability, Item] = {
            "encode-image": self.image,
            "caption": self.image,
            "encode-text": self.text,
            "encode-composed": self.composed,
            "score-pairs": self.pair,
            "try-on": self.try_on,
            "try-off": self.try_off,
            "design": self.design,
            "style-transfer": self.style_transfer,
        }
        return by_capability[capability]


@cache
def examples(count: int = 7) -> tuple[Example, ...]:
    """Make garments that differ in colour and shape, on noise."""
    rng = np.random.default_rng(20_260_101)
    return tuple(example(str(at), _picture(rng, COLOURS[at % len(COLOURS)]), _words(at), rng) for at in range(count))


def ordinary_items(capability: Capability) -> list[Item]:
    """Return what a capability is asked with of each of these garments."""
    return [row.item(capability) for row in examples()]


def example(name: str, image: Image.Image, words: str, rng: np.random.Generator) -> Example:
    """Make one example of an image and a text."""
    garment, text = ImageItem(f"garment {name}", image), TextItem(f"text {name}", words)
    person = _picture(rng, "pink")
    width, height = person.size
    mask = Image.new("L", person.size)
    mask.paste(255, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    grey = person.copy()
    grey.paste("grey", mask=mask)
    conditions = {"agnostic-mask": mask, "agnostic": grey, "densepose": grey, "parse": grey, "pose": grey}
    return Example(
        image=garment,
        text=text,
        composed=ComposedItem(f"composed {name}", image, words),
        pair=PairItem(f"pair {name}", text, garment),
        try_on=TryOnItem(f"try-on {name}", person, image, conditions),
        try_off=TryOffItem(f"try-off {name}", person, "upper_body", conditions),
        design=DesignItem(f"design {name}", person, words or "a dress", image.convert("L").convert("RGB"), conditions),
        style_transfer=_style_transfer(name, person, mask, image, words),
    )


def _style_transfer(
    name: str, garment: Image.Image, mask: Image.Image, style: Image.Image, words: str
) -> StyleTransferItem:
    """Ask for a garment in another style: every third time in words alone, every third time by both."""
    turn = len(words) % 3
    conditions = {"garment-mask": mask, "sketch": garment.convert("L").convert("RGB")}
    text = "" if turn == 0 else words or "red"
    return StyleTransferItem(f"style transfer {name}", garment, None if turn == 1 else style, text, conditions)


def extreme_images() -> list[ImageItem]:
    """Make images of extreme sizes, all of one colour."""
    return [ImageItem(name, Image.new("RGB", size, "teal")) for name, size in EXTREME_SIZES.items()]


def extreme_texts() -> list[TextItem]:
    """Make extreme texts."""
    return [TextItem(name, text) for name, text in EXTREME_TEXTS.items()]


def renamed(items: Sequence[Item]) -> list[Item]:
    """Return the same contents under other ids."""
    return [replace(item, id=f"other {at}") for at, item in enumerate(items)]


def training() -> TrainingData:
    """Make a training part of every kind."""
    rows = examples(14)[7:]
    return TrainingData(
        "train",
        pairs=[Pair(row.image, row.text, row.text.id) for row in rows],
        triplets=[Triplet(one.image, other.text, other.image) for one, other in pairwise(rows)],
        tryon_examples=[
            TryOnExample(row.try_on, ImageItem(row.image.id, row.try_on.person), row.text.text) for row in rows
        ],
    )


def truth(rows: Sequence[Example]) -> Truth:
    """Return the right answers, for privileged controls."""
    return Truth(
        positives={row.text.id: frozenset({row.image.id}) for row in rows}
        | {row.image.id: frozenset({row.text.id}) for row in rows}
        | {row.composed.id: frozenset({row.image.id}) for row in rows},
        captions={row.image.id: row.text.text for row in rows},
        images={item.id: item.person for row in rows for item in (row.try_on, row.try_off, row.design)}
        | {row.style_transfer.id: row.style_transfer.garment for row in rows},
        texts={row.composed.id: row.text.text for row in rows},
    )


def _words(at: int) -> str:
    return f"a {COLOURS[at % len(COLOURS)]} {GARMENTS[at % len(GARMENTS)]}"


def _picture(rng: np.random.Generator, colour: str) -> Image.Image:
    """Draw a rectangle of a colour on noise."""
    image = Image.fromarray(rng.integers(150, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8))
    left, top = (int(value) for value in rng.integers(2, 12, 2))
    image.paste(colour, (left, top, SIZE[0] - left, SIZE[1] - top))
    return image

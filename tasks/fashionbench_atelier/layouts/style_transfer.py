"""Style transfer: garments, the garments whose colours and pattern they are to have, and what then comes out.

``<split>.jsonl`` has a line a garment: its id, the paths of its photo, of the style's photo, of the truth, of the
garment's mask and of its sketch, all below the folder, the style in words, and whether that is solid or patterned.
No published set has this layout, for none knows the truth. Photo and truth differ in colours and pattern alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json_lines
from fashionbench_atelier.layouts.image_files import grey, save
from fashionbench_atelier.rendering.conditions import sketch
from fashionbench_atelier.rendering.photos import cloth_mask
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_garment, shop_body
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.style_changes import restyled, style_changes, style_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashionbench_atelier.layouts.image_files import Drawable
    from fashionbench_atelier.layouts.source import LayoutSource
    from fashionbench_atelier.world.style_changes import StyleChange
    from fashionbench_atelier.world.world import World

FOLDER = "style-transfer"
SPLITS = {"train": ("train",), "test": ("val", "test")}
"""The splits with those of the products that they are made of."""

MOST = {"train": 400, "test": 200}
_SHARE = 10
KINDS = {"garment": "jpg", "style": "jpg", "truth": "jpg", "garment-mask": "png", "sketch": "png"}
"""The images of a garment, with their formats."""


def changes(source: LayoutSource, split: str) -> list[StyleChange]:
    """List the garments of a split: at most a tenth as many as there are products."""
    count = min(MOST[split], len(source.world.products) // _SHARE)
    return style_changes(source.world.seed, source.products(*SPLITS[split]), count)


def change_id(change: StyleChange) -> str:
    """Name a garment and the style that it is to have."""
    return f"{change.garment:05d}_{change.style:05d}"


def place(split: str, kind: str, change: StyleChange) -> str:
    """Return the path of an image below the folder of the layout."""
    return f"{split}/{kind}/{change_id(change)}.{KINDS[kind]}"


@dataclass(frozen=True, slots=True)
class GarmentJob:
    """The images of one garment."""

    root: str
    split: str
    change: StyleChange

    def run(self, world: World) -> None:
        """Draw the garment as it is and as it is to be, its mask, its sketch, and the other garment."""
        product, style = world.products[self.change.garment], world.products[self.change.style]
        canvas = render_garment(world.seed, product)
        drawn = sketch(
            product,
            shop_body(product),
            canvas.camera,
            WIDTH,
            HEIGHT,
            Rng(world.seed, "still", product.id),
            seen=canvas.target,
        )
        images: dict[str, Drawable] = {
            "garment": canvas,
            "style": render_garment(world.seed, style),
            "truth": render_garment(world.seed, restyled(product, style)),
            "garment-mask": grey(cloth_mask(canvas)),
            "sketch": drawn,
        }
        for kind, image in images.items():
            save(Path(self.root, place(self.split, kind, self.change)), image)


def garment_jobs(source: LayoutSource, root: Path) -> Iterator[GarmentJob]:
    """List the garments to draw."""
    for split in SPLITS:
        for change in changes(source, split):
            yield GarmentJob(str(root / FOLDER), split, change)


def write(source: LayoutSource, root: Path) -> None:
    """Write the list of each split."""
    for split in SPLITS:
        rows = [
            {
                "id": change_id(change),
                **{kind: place(split, kind, change) for kind in KINDS},
                "text": style_words(style := source.world.products[change.style]),
                "look": "solid" if style.pattern == "solid" else "patterned",
            }
            for change in changes(source, split)
        ]
        write_json_lines(root / FOLDER / f"{split}.jsonl", rows)

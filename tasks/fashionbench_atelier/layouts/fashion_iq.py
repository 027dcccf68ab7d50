"""Fashion-IQ: ``captions/cap.<category>.<split>.json``, ``image_splits``, and one photo a product in ``images``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.world.world import SPLITS, TRIPLET_CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey

FOLDER = "fashion-iq"

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def asin(identity: int) -> str:
    """Name a product as a shop's catalogue number does: ``B00`` and seven digits of base 36 without visible order.

    Numbers are spread by a multiplication modulo 36**7 that is one to one.
    """
    number = (identity * 40_503_700_661 + 17_320_508_075) % 36**7
    digits = []
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "B00" + "".join(reversed(digits))


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List the first photo of each dress, shirt and top, without those that are missing on purpose."""
    for product in source.world.products:
        if product.category in TRIPLET_CATEGORIES and (product.id, 0) not in source.world.missing:
            yield (product.id, 0), f"{FOLDER}/images/{asin(product.id)}.jpg"


def write(source: LayoutSource, root: Path) -> None:
    """Write captions and splits; records of the test split have no target, as in the published files."""
    folder = root / FOLDER
    for split in SPLITS:
        for category in TRIPLET_CATEGORIES:
            records = []
            for one in source.comparisons:
                if one.category != category or source.splits[one.target] != split:
                    continue
                record: dict[str, object] = {} if split == "test" else {"target": asin(one.target)}
                record |= {"candidate": asin(one.reference), "captions": [caption.text for caption in one.captions]}
                records.append(record)
            write_json(folder / "captions" / f"cap.{category}.{split}.json", records)
            names = [asin(product.id) for product in source.products(split) if product.category == category]
            write_json(folder / "image_splits" / f"split.{category}.{split}.json", names)

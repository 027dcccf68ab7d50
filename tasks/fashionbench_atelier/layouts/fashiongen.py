"""FashionGen as FashionViL extracts it, with candidate lists; and as the HDF5 files that were published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.errors import ConfigError
from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.world.captions import description, name
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CATEGORIES, CUTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product

FOLDER = "fashiongen"
H5_FOLDER = "fashiongen-h5"
"""The HDF5 files lie apart, for the candidate lists name photos of the extracted layout."""

SPLITS = ("train", "val")
DRAWS = 5
QUERIES, NEGATIVES = 1000, 100
"""Size of a candidate list at most."""

_H5 = {"train": "fashiongen_256_256_train.h5", "val": "fashiongen_256_256_validation.h5"}


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List every photo of the products of train and val."""
    for split in SPLITS:
        for product in source.products(split):
            for identity, index in source.photo_keys(product):
                yield (identity, index), f"{FOLDER}/{split}/{identity}_{index}.png"


def write(source: LayoutSource, root: Path) -> None:
    """Write the products of each split, and the candidate lists of val."""
    for split in SPLITS:
        entries = [
            {
                "id": product.id,
                "images": [f"{identity}_{index}.png" for identity, index in source.photo_keys(product)],
                "title": name(product),
                "description": description(source.world.seed, product).text,
                "category_id": CATEGORIES.index(product.category),
                "subcategory_id": list(CUTS).index(product.cut),
            }
            for product in source.products(split)
        ]
        write_json(root / FOLDER / f"{split}_info.json", entries)
    for draw in range(1, DRAWS + 1):
        i2t, t2i = candidate_lists(source, draw)
        write_json(root / FOLDER / "lists" / f"i2t-{draw}.json", i2t)
        write_json(root / FOLDER / "lists" / f"t2i-{draw}.json", t2i)


def candidate_lists(source: LayoutSource, draw: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Draw queries with one positive and negatives of the same sub-category, as many as there are up to 100.

    A product that is alone in its sub-category is no query, because there would be nothing to choose from.

    :returns: image to text (a photo id and product ids) and text to image (a product id and photo ids, one a product).
    """
    rng = Rng(source.world.seed, "candidates", draw)
    pool = source.products("val")
    shown = {product.id: f"val/{product.id}_{rng.pick(source.photo_keys(product))[1]}" for product in pool}
    same: dict[str, list[int]] = {}
    for product in pool:
        same.setdefault(product.cut, []).append(product.id)
    i2t: list[dict[str, object]] = []
    t2i: list[dict[str, object]] = []
    for product in rng.sample([product for product in pool if len(same[product.cut]) > 1], QUERIES):
        others = [identity for identity in same[product.cut] if identity != product.id]
        texts = rng.shuffled([product.id, *rng.sample(others, NEGATIVES)])
        images = rng.shuffled([product.id, *rng.sample(others, NEGATIVES)])
        i2t.append({"query": shown[product.id], "candidates": [str(identity) for identity in texts]})
        t2i.append({"query": str(product.id), "candidates": [shown[identity] for identity in images]})
    return i2t, t2i


def write_h5(source: LayoutSource, root: Path) -> None:
    """Write the HDF5 files from the extracted photos: one row a photo, strings in iso-8859-1, shape (N, 1).

    :raises ConfigError: h5py is not there.
    """
    try:
        import h5py  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("h5=1 needs h5py", remedy='pip install "fashionbench[data]"') from error
    (root / H5_FOLDER).mkdir()
    for split in SPLITS:
        rows = [(product, index) for product in source.products(split) for _, index in source.photo_keys(product)]
        # Without the time of writing, the same rows give the same bytes.
        with h5py.File(root / H5_FOLDER / _H5[split], "w", track_order=False) as file:
            _fill(file, source, rows, root / FOLDER / split)


def _fill(file: Any, source: LayoutSource, rows: list[tuple[Product, int]], folder: Path) -> None:
    texts = {
        "input_name": [name(product) for product, _ in rows],
        "input_description": [description(source.world.seed, product).text for product, _ in rows],
        "input_category": [product.category.upper() for product, _ in rows],
        "input_subcategory": [product.cut.upper() for product, _ in rows],
        "input_gender": [product.gender for product, _ in rows],
        "input_season": ["SS2026" for _ in rows],
        "input_composition": [f"100% {product.fabric}".replace("crepe", "crêpe") for product, _ in rows],
    }
    columns: dict[str, Any] = {
        key: np.array([text.encode("iso-8859-1") for text in column], dtype=bytes) for key, column in texts.items()
    }
    numbers = np.arange(len(rows), dtype=np.int64)
    columns |= {"index": numbers, "index_2": numbers}
    columns["input_productID"] = np.array([product.id for product, _ in rows], dtype=np.int64)
    for key, column in columns.items():
        file.create_dataset(key, data=column.reshape(-1, 1), track_times=False)
    shape = (len(rows), 256, 256, 3)
    images = file.create_dataset(
        "input_image",
        shape,
        dtype="uint8",
        chunks=(1, *shape[1:]),
        compression="gzip",
        compression_opts=1,
        track_times=False,
    )
    for at, (product, index) in enumerate(rows):
        with Image.open(folder / f"{product.id}_{index}.png") as image:
            images[at] = np.asarray(image)

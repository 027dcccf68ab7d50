"""FashionGen (Rostamzadeh et al., 2018): photos of products with a title and a description.

Two layouts are read: the published HDF5 files ``fashiongen_256_256_{train,validation}.h5`` (strings in iso-8859-1,
one row a photo), and the extracted one of FashionViL, ``{train,val}_info.json`` with ``{train,val}/*.png``. Photos of
one product need not stand together, and are grouped by product id. Facts from the loaders of mmf, FashionSAP and
UniFashion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.hdf5 import images, open_hdf5, text_column
from fashionbench_tasks.datasets.image_folder import ImagePaths
from fashionbench_tasks.datasets.readers import read_entries, unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.items import ImageItem
    from fashionbench.data.lazy_items import Opener

SPLITS = ("train", "val")
_H5 = {"train": "fashiongen_256_256_train.h5", "val": "fashiongen_256_256_validation.h5"}

#: Rows of the validation file. Sources disagree on the training file (260,480 to 260,490), so it is not checked.
EXPECTED = {"photos/val": 32528}


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a product, with the texts of the product."""

    id: str
    product: str
    title: str
    description: str
    category: str
    subcategory: str
    image: Opener


@dataclass(frozen=True, slots=True)
class Row:
    """A photo that is a row of an HDF5 file."""

    id: str
    path: Path
    at: int

    def open(self) -> ImageItem:
        """Read the row as RGB."""
        # Here, because specifications read this module's counts, and listing tasks must not load an image library.
        from PIL import Image  # noqa: PLC0415

        from fashionbench.data.items import ImageItem  # noqa: PLC0415

        with open_hdf5(self.path) as file:
            return ImageItem(self.id, Image.fromarray(images(file, "input_image", self.path)[self.at]))


class FashionGen:
    """FashionGen below a root folder.

    :raises DataError: where neither layout is there.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("FashionGen needs a root folder", remedy="pass --data fashiongen=FOLDER")
        self.root = root = unwrapped(root, (*_H5.values(), *(f"{split}_info.json" for split in SPLITS)))
        self.files = ImagePaths(root)
        self.layout = {s: kind for s in SPLITS if (kind := self._layout(s))}
        if not self.layout:
            tried = f"{_H5['val']}, val_info.json"
            raise DataError(
                f"{root} is no FashionGen folder; looked for {tried}", remedy="see 'fashionbench show fashiongen'"
            )

    def _layout(self, split: str) -> str:
        if (self.root / _H5[split]).is_file():
            return "h5"
        return "extracted" if (self.root / f"{split}_info.json").is_file() else ""

    def photos(self, split: str) -> list[Photo]:
        """Return the photos of a split in the order of the file.

        :raises DataError: where the split is not there, or a key is missing.
        """
        if split not in self.layout:
            raise DataError(f"{self.root} has no split {split}", remedy=f"it has {', '.join(self.layout)}")
        return self._from_h5(split) if self.layout[split] == "h5" else self._extracted(split)

    def _from_h5(self, split: str) -> list[Photo]:
        path = self.root / _H5[split]
        with open_hdf5(path) as file:
            count = len(images(file, "input_image", path))
            columns = {
                name: text_column(file, f"input_{name}", path)
                for name in ("productID", "name", "description", "category", "subcategory")
            }
        for name, values in columns.items():
            if len(values) != count:
                msg = f"{path} has {count} images and {len(values)} values of input_{name}"
                raise DataError(msg, remedy="fetch the file again")
        return [
            Photo(
                name := f"{split}-{at:06d}",
                columns["productID"][at],
                columns["name"][at],
                columns["description"][at],
                columns["category"][at],
                columns["subcategory"][at],
                Row(name, path, at),
            )
            for at in range(count)
        ]

    def _extracted(self, split: str) -> list[Photo]:
        from fashionbench.data.lazy_items import ImageFile  # noqa: PLC0415

        path = self.root / f"{split}_info.json"
        keys: dict[str, type | tuple[type, ...]] = {"id": (int, str), "images": list, "title": str, "description": str}
        photos: list[Photo] = []
        for entry in read_entries(path, keys):
            for name in entry["images"]:
                place = str(name) if str(name).startswith(f"{split}/") else f"{split}/{name}"
                stem = f"{split}/{PurePosixPath(place).stem}"
                kinds = str(entry.get("category_id", "")), str(entry.get("subcategory_id", ""))
                photos.append(
                    Photo(
                        stem,
                        str(entry["id"]),
                        entry["title"],
                        entry["description"],
                        *kinds,
                        ImageFile(stem, self.files.path(place)),
                    )
                )
        return photos

    def lists(self, name: str) -> list[dict[str, Any]]:
        """Return published candidate lists: ``lists/<name>.json``, objects with ``query`` and ``candidates``.

        :raises DataError: where the file is missing or malformed.
        """
        return read_entries(self.root / "lists" / f"{name}.json", {"query": (str, int), "candidates": list})

    @cached_property
    def list_names(self) -> list[str]:
        """Names of the candidate lists that are there."""
        return sorted(path.stem for path in (self.root / "lists").glob("*.json"))

    def images(self) -> Mapping[str, Path]:
        """Return the image files of the extracted layout; the HDF5 layout has none."""
        from fashionbench.data.lazy_items import ImageFile  # noqa: PLC0415

        photos = [p for split, kind in self.layout.items() if kind == "extracted" for p in self.photos(split)]
        return {p.id: p.image.path for p in photos if isinstance(p.image, ImageFile)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the HDF5 or JSON files, and candidate lists."""
        paths = {s: self.root / (_H5[s] if kind == "h5" else f"{s}_info.json") for s, kind in self.layout.items()}
        return paths | {f"lists/{name}": self.root / "lists" / f"{name}.json" for name in self.list_names}

    def counts(self) -> Mapping[str, int]:
        """Count photos and products."""
        counts: dict[str, int] = {}
        for split in self.layout:
            photos = self.photos(split)
            counts[f"photos/{split}"] = len(photos)
            counts[f"products/{split}"] = len({photo.product for photo in photos})
        return counts

    def extra(self) -> list[str]:
        """List image files that no annotation names."""
        known = set(self.images().values())
        folders = [self.root / split for split, kind in self.layout.items() if kind == "extracted"]
        return sorted(f"{f.name}/{p.name}" for f in folders for p in f.glob("*.png") if p not in known)

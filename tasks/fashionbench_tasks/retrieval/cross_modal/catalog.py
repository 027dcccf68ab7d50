"""A catalogue: products with photos and one text each, from whatever data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile, Opener, opened
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.integrity import Survey
    from fashionbench.data.items import ImageItem
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo of a product."""

    id: str
    product: str
    image: Opener


class Catalogue:
    """Products with photos and a text.

    :param shots: photos in the order of the file; those that cannot be read are put aside in ``lost``.
    :param texts: the text of each product.
    :param groups: the group (sub-category) of each product, for sampled protocols.
    :param training: photos and texts to learn from.
    """

    def __init__(
        self,
        root: Path,
        shots: Sequence[Shot],
        texts: Mapping[str, str],
        groups: Mapping[str, str],
        found: Survey,
        training: TrainingData | None,
    ) -> None:
        self.root = root
        self.found = found
        self.shots = [shot for shot in shots if shot.id not in found.absent]
        self.unavailable = [shot for shot in shots if shot.id in found.absent]
        self.texts = dict(texts)
        self.groups = dict(groups)
        self.training = training

    @cached_property
    def photos(self) -> dict[str, list[Shot]]:
        """The photos of each product that has any."""
        found: dict[str, list[Shot]] = {}
        for shot in self.shots:
            found.setdefault(shot.product, []).append(shot)
        return found

    @cached_property
    def duplicates(self) -> int:
        """How many products share their text with another one; they cannot all be ranked first."""
        seen: dict[str, int] = {}
        for text in self.texts.values():
            seen[text] = seen.get(text, 0) + 1
        return sum(count for count in seen.values() if count > 1)

    @cached_property
    def owner(self) -> dict[str, str]:
        """The product of each photo."""
        return {shot.id: shot.product for shot in (*self.shots, *self.unavailable)}

    def caption(self, name: str) -> TextItem:
        """Return the text of a product, or of a photo's product, as an item with the given name."""
        return TextItem(f"text/{name}", self.texts[name] if name in self.texts else self.texts[self.owner[name]])

    def info(self, sizes: Mapping[str, int], lists: object = None, **facts: str) -> DataInfo:
        """Describe the data; candidate lists are part of the fingerprint."""
        fingerprint = self.found.fingerprint
        told = {"products that share a text": str(self.duplicates), **facts}
        if lists is not None:
            told["candidate lists"] = digest(lists)
            fingerprint = digest([fingerprint, told["candidate lists"]])
        return DataInfo(fingerprint, sizes, self.found.missing, self.found.unreadable, is_twin(self.root), told)


def fashiongen_text(spec: TaskSpec) -> Callable[[str, str], str]:
    """Return what a title and a description make; the option ``text`` is ``title+description`` or ``description``."""
    if spec.options.get("text", "title+description") == "title+description":
        return "{}. {}".format
    return lambda _, description: description


def fashiongen(spec: TaskSpec, roots: DataRoots) -> Catalogue:
    """Read FashionGen; for the option ``text`` see :func:`fashiongen_text`."""
    root = place(spec, roots)
    data = FashionGen(root)
    text = fashiongen_text(spec)
    photos = data.photos("val")
    images = {p.id: p.image.path for p in photos if isinstance(p.image, ImageFile)}
    annotations = {name: path for name, path in data.annotations().items() if name != "train"}
    found = survey(images, annotations, cache=roots.index)
    training = None
    if "train" in data.layout:
        train = [
            (p.image, text(p.title, p.description), p.product)
            for p in data.photos("train")
            if not isinstance(p.image, ImageFile) or p.image.path.is_file()
        ]
        training = training_pairs(train)
    return Catalogue(
        root,
        [Shot(p.id, p.product, p.image) for p in photos],
        {p.product: text(p.title, p.description) for p in photos},
        {p.product: f"{p.category}/{p.subcategory}" for p in photos},
        found,
        training,
    )


def manifest_pairs(spec: TaskSpec, roots: DataRoots) -> Catalogue:
    """Read a user's manifest of images and texts; rows of one group are one product, whose first text counts."""
    root = place(spec, roots)
    data = Manifest(root)
    rows = [row for row in data.rows if row.get("split", "test") in {"", "test", "val"}]
    found = survey(data.images(), data.annotations(), cache=roots.index)
    products = [row.get("group") or row["image"] for row in rows]
    texts: dict[str, str] = {}
    for product, row in zip(products, rows, strict=True):
        texts.setdefault(product, row["text"])
    shots = {
        row["image"]: Shot(row["image"], p, ImageFile(row["image"], data.file(row["image"])))
        for p, row in zip(products, rows, strict=True)
    }
    train = [
        (ImageFile(row["image"], data.file(row["image"])), row["text"], row.get("group") or row["image"])
        for row in data.rows
        if row.get("split") == "train" and row["image"] not in found.absent
    ]
    return Catalogue(root, list(shots.values()), texts, dict.fromkeys(texts, "all"), found, training_pairs(train))


def training_pairs(entries: Sequence[tuple[Opener, str, str]]) -> TrainingData | None:
    """Make training data of image, text and product; None where there are none."""
    if not entries:
        return None

    def make(at: int) -> Pair:
        image, text, product = entries[at]
        item = opened(image)
        return Pair(_image(item), TextItem(f"train/{at}", text), product)

    return TrainingData(
        "train", pairs=Lazy(len(entries), make, [(image.id, text, product) for image, text, product in entries])
    )


def _image(item: object) -> ImageItem:
    from fashionbench.data.items import ImageItem  # noqa: PLC0415

    assert isinstance(item, ImageItem)  # noqa: S101
    return item

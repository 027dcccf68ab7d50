"""A product catalog: photos and one text of each product, from FashionGen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile, Opener, opened
from fashionbench.data.packed_files import is_there
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.integrity import Survey
    from fashionbench.data.items import ImageItem
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


#: Names of the slices, by direction.


@dataclass(frozen=True, slots=True)
class ProductPhoto:
    """A photo of a product."""

    id: str
    product: str
    image: Opener


class Catalog:
    """Products with photos and a text.

    :param photos: all that the annotations name, in their order; those that cannot be read are named in ``absent``.
    :param texts: the text of each product.
    :param groups: the group (sub-category) of each product, for sampled protocols.
    :param checked: the fingerprint of the files, and which of them are missing or unreadable.
    :param training: photos and texts to learn from.
    """

    def __init__(
        self,
        root: Path,
        photos: Sequence[ProductPhoto],
        texts: Mapping[str, str],
        groups: Mapping[str, str],
        checked: Survey,
        training: TrainingData | None,
    ) -> None:
        self.root = root
        self.all_photos = list(photos)
        self.absent = checked.absent
        self.texts = dict(texts)
        self.groups = dict(groups)
        self.training = training
        self._checked = checked

    @cached_property
    def by_product(self) -> dict[str, list[ProductPhoto]]:
        """The photos of each product, available or not."""
        photos: dict[str, list[ProductPhoto]] = {}
        for photo in self.all_photos:
            photos.setdefault(photo.product, []).append(photo)
        return photos

    @cached_property
    def duplicates(self) -> int:
        """How many products share their text with another one; they cannot all be ranked first."""
        counts = Counter(self.texts.values())
        return sum(count for count in counts.values() if count > 1)

    @cached_property
    def product_of(self) -> dict[str, str]:
        """The product of each photo, available or not."""
        return {photo.id: photo.product for photo in self.all_photos}

    def caption(self, name: str) -> TextItem:
        """Return the text of a product, or of a photo's product, as an item with the given name."""
        return TextItem(f"text/{name}", self.texts[name] if name in self.texts else self.texts[self.product_of[name]])

    def info(self, sizes: Mapping[str, int], lists: object = None, **facts: str) -> DataInfo:
        """Describe the data; candidate lists are part of the fingerprint."""
        checked = self._checked
        facts = {"products that share a text": str(self.duplicates), **facts}
        if lists is not None:
            facts["candidate lists"] = digest(lists)
        info = DataInfo.of(checked, sizes, synthetic=is_twin(self.root), facts=facts)
        if lists is None:
            return info
        drawn = facts["candidate lists"]
        return replace(
            info, fingerprint=digest([info.fingerprint, drawn]), annotations=digest([info.annotations, drawn])
        )


def fashiongen_text(spec: TaskSpec) -> Callable[[str, str], str]:
    """Return what a title and a description make; the option ``text`` is ``title+description`` or ``description``."""
    if spec.options.get("text", "title+description") == "title+description":
        return "{}. {}".format
    return lambda _, description: description


def fashiongen(spec: TaskSpec, roots: DataRoots) -> Catalog:
    """Read FashionGen; for the option ``text`` see :func:`fashiongen_text`."""
    data = FashionGen(place(spec, roots))
    text = fashiongen_text(spec)
    photos = data.photos("val")
    images = {p.id: p.image.path for p in photos if isinstance(p.image, ImageFile)}
    annotations = {name: path for name, path in data.annotations().items() if name != "train"}
    checked = survey(images, annotations, cache=roots.index)
    training = None
    if "train" in data.layout:
        train = [
            (p.image, text(p.title, p.description), p.product)
            for p in data.photos("train")
            if not isinstance(p.image, ImageFile) or is_there(p.image.path)
        ]
        training = training_pairs(train)
    return Catalog(
        data.root,
        [ProductPhoto(p.id, p.product, p.image) for p in photos],
        {p.product: text(p.title, p.description) for p in photos},
        {p.product: f"{p.category}/{p.subcategory}" for p in photos},
        checked,
        training,
    )


def training_pairs(entries: Sequence[tuple[Opener, str, str]]) -> TrainingData | None:
    """Make training data of image, text and product; None where there are none."""
    if not entries:
        return None

    def read(index: int) -> Pair:
        image, text, product = entries[index]
        return Pair(_image(opened(image)), TextItem(f"train/{index}", text), product)

    names = [(image.id, text, product) for image, text, product in entries]
    images = {image.id: image for image, _, _ in entries}
    return TrainingData("train", pairs=Lazy(len(entries), read, names), images=images)


def _image(item: object) -> ImageItem:
    from fashionbench.data.items import ImageItem  # noqa: PLC0415

    assert isinstance(item, ImageItem)  # noqa: S101
    return item

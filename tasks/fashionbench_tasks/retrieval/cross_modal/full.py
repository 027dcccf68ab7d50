"""Cross-modal retrieval in both directions over the whole gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_tasks.retrieval.cross_modal.catalog import (
    Catalog,
    fashiongen,
)
from fashionbench_tasks.retrieval.cross_modal.directions import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def fashiongen_full(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank all product texts for every photo, and all photos for every product text."""
    return _full(spec, fashiongen(spec, roots))


def _full(spec: TaskSpec, data: Catalog) -> Retrieval:
    products = list(data.texts)
    sizes = {"photos": len(data.all_photos), "products": len(products)}

    def folds(absent: frozenset[str]) -> list[Fold]:
        texts = [data.caption(product) for product in products]
        photos = [photo for photo in data.all_photos if photo.id not in absent]
        clusters = {photo.id: photo.product for photo in data.all_photos}
        to_text = Fold(
            name=IMAGE_TO_TEXT,
            queries=[photo.image for photo in photos],
            gallery=texts,
            positives={photo.id: [f"text/{photo.product}"] for photo in photos},
            clusters=clusters,
            training=data.training,
            unavailable=tuple(photo.id for photo in data.all_photos if photo.id in absent),
            order=tuple(photo.id for photo in data.all_photos),
        )
        to_image = Fold(
            name=TEXT_TO_IMAGE,
            queries=texts,
            gallery=[photo.image for photo in photos],
            positives={
                f"text/{product}": [photo.id for photo in own if photo.id not in absent]
                for product, own in data.by_product.items()
            },
            clusters={f"text/{product}": product for product in products},
            training=data.training,
        )
        return [to_text, to_image]

    return Retrieval(spec, data.info(sizes), lambda: folds(data.absent), lambda: folds(frozenset()))

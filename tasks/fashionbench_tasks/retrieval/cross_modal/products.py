"""Text to product: products are ranked, not photos, each by the best of its photos.

This is the grouping of FashionMV (arXiv 2604.10297), whose files were not seen, on FashionGen's products.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from fashionbench_tasks.retrieval.cross_modal.catalog import fashiongen
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

FOLD = "text-to-product"


def fashiongen_products(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank all products for every product text; a product without a photo is no candidate, and its text a miss."""
    data = fashiongen(spec, roots)

    def folds(absent: frozenset[str]) -> list[Fold]:
        photos = {product: [p for p in own if p.id not in absent] for product, own in data.by_product.items()}
        there = {product: own for product, own in photos.items() if own}
        return [
            Fold(
                name=FOLD,
                queries=[data.caption(product) for product in data.texts],
                gallery=[_named(own[0].image, f"product/{product}") for product, own in there.items()],
                views={f"product/{product}": [p.image for p in own[1:]] for product, own in there.items() if own[1:]},
                positives={f"text/{p}": [f"product/{p}"] if p in there else [] for p in data.texts},
                clusters={f"text/{product}": product for product in data.texts},
                training=data.training,
            )
        ]

    most = max(len(own) for own in data.by_product.values())
    sizes = {"products": len(data.by_product), "photos": len(data.all_photos), "most photos of a product": most}
    return Retrieval(spec, data.info(sizes), lambda: folds(data.absent), lambda: folds(frozenset()))


def _named(image: Source, name: str) -> Source:
    """Return an image under another id."""
    return cast("Source", replace(cast("Any", image), id=name))

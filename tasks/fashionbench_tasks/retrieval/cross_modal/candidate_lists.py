"""Cross-modal retrieval over the candidate lists that were published for FashionGen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.retrieval.cross_modal.catalog import IMAGE_TO_TEXT, TEXT_TO_IMAGE, Catalog, fashiongen
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def fashiongen_lists(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank the candidates of published lists: files ``lists/i2t-*.json`` and ``lists/t2i-*.json``.

    :raises DataError: where a direction has no lists.
    """
    data = fashiongen(spec, roots)
    source = FashionGen(data.root)
    numbers = sorted({name.partition("-")[2] for name in source.list_names if name.startswith(("i2t-", "t2i-"))})
    if not numbers:
        raise DataError(f"{data.root} has no candidate lists", remedy="put lists/i2t-1.json and lists/t2i-1.json there")
    lists = {
        number: [
            {entry["query"]: entry["candidates"] for entry in source.lists(f"{way}-{number}")} for way in ("i2t", "t2i")
        ]
        for number in numbers
    }
    sizes = {"queries": sum(len(part) for pair in lists.values() for part in pair), "photos": len(data.photos)}
    return Retrieval(spec, data.info(sizes, lists), lambda: list_folds(data, lists))


def list_folds(data: Catalog, lists: Mapping[str, Sequence[Mapping[str, Sequence[str]]]]) -> list[Fold]:
    """Make two folds a draw: lists of texts for photos, and lists of photos for texts."""
    photos = {photo.id: photo for photo in data.photos}
    product_of = {photo.id: photo.product for photo in data.photos}
    folds: list[Fold] = []
    for number, (i2t, t2i) in lists.items():
        tail = f"/{number}" if number else ""
        queries = [name for name in i2t if name in photos]
        folds.append(
            Fold(
                name=IMAGE_TO_TEXT + tail,
                queries=[photos[name].image for name in queries],
                gallery=[data.caption(name) for name in dict.fromkeys(n for row in i2t.values() for n in row)],
                positives={name: [f"text/{n}" for n in i2t[name] if n in {name, product_of[name]}] for name in queries},
                candidates={name: [f"text/{product}" for product in i2t[name]] for name in queries},
                clusters={name: product_of[name] for name in queries},
                training=data.training,
                unavailable=tuple(name for name in i2t if name not in photos),
            )
        )
        products = list(t2i)
        folds.append(
            Fold(
                name=TEXT_TO_IMAGE + tail,
                queries=[data.caption(product) for product in products],
                gallery=[photos[name].image for name in dict.fromkeys(n for row in t2i.values() for n in row)],
                positives={f"text/{p}": [name for name in t2i[p] if product_of.get(name) == p] for p in products},
                candidates={f"text/{product}": list(t2i[product]) for product in products},
                clusters={f"text/{product}": product for product in products},
                training=data.training,
            )
        )
    return folds

"""Cross-modal retrieval over the candidate lists that were published for FashionGen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.predictions.ranked_lists import id_of
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.retrieval.cross_modal.catalog import Catalog, fashiongen
from fashionbench_tasks.retrieval.cross_modal.directions import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.info import DataInfo
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
    lists = {number: [_read(source, data, way, number) for way in ("i2t", "t2i")] for number in numbers}
    sizes = {"queries": sum(len(part) for pair in lists.values() for part in pair), "photos": len(data.all_photos)}
    lengths = sorted({len(row) for pair in lists.values() for part in pair for row in part.values()})
    facts = {"candidates in a list": " to ".join(dict.fromkeys(map(str, (lengths[0], lengths[-1]))))}
    return listed_retrieval(spec, data, data.info(sizes, lists, **facts), lists)


def listed_retrieval(
    spec: TaskSpec, data: Catalog, info: DataInfo, lists: Mapping[str, Sequence[Mapping[str, Sequence[str]]]]
) -> Retrieval:
    """Make a task of candidate lists; photos that are not there are left out of them, or are misses."""
    return Retrieval(
        spec, info, lambda: list_folds(data, lists, data.absent), lambda: list_folds(data, lists, frozenset())
    )


def _read(source: FashionGen, data: Catalog, way: str, number: str) -> dict[str, list[str]]:
    """Read the lists of one direction, and check them: each query once, ids that are known, the positive inside.

    :raises DataError: naming file, entry and id.
    """
    name = f"{way}-{number}"
    lists: dict[str, list[str]] = {}
    photos, texts = data.product_of, data.texts
    for at, entry in enumerate(source.lists(name)):
        place = f"{source.root / 'lists' / name}.json, entry {at}"
        query, candidates = id_of(entry["query"], place), [id_of(one, place) for one in entry["candidates"]]
        kinds = ("photo", photos, "product", texts) if way == "i2t" else ("product", texts, "photo", photos)
        asked, queries, offered, items = kinds
        remedy = f"mend or drop the entry; ids are such as {next(iter(photos), '')} and {next(iter(texts), '')}"
        if query not in queries:
            raise DataError(f"{place}: the query {query!r} is no {asked} of the data", remedy=remedy)
        if query in lists:
            raise DataError(f"{place}: the query {query!r} has two lists", remedy="remove one of the two")
        # A list of texts may name a text by a photo of its product.
        known = {**photos, **texts} if way == "i2t" else items
        stray = [one for one in candidates if one not in known]
        if stray:
            raise DataError(
                f"{place}: the candidate {stray[0]!r} of {query!r} is no {offered} of the data", remedy=remedy
            )
        if len(set(candidates)) != len(candidates):
            twice = Counter(candidates).most_common(1)[0][0]
            raise DataError(f"{place}: the list of {query!r} holds {twice!r} twice", remedy="remove one of the two")
        if not _positives(query, candidates, photos):
            raise DataError(f"{place}: the list of {query!r} does not hold its positive", remedy=remedy)
        lists[query] = candidates
    if not lists:
        raise DataError(f"{source.root / 'lists' / name}.json has no list", remedy="fetch it again, or remove it")
    return lists


def _positives(query: str, candidates: Sequence[str], product_of: Mapping[str, str]) -> list[str]:
    """Return the candidates of the query's own product, whichever of the two are photos."""
    own = {query, product_of.get(query, query)}
    return [name for name in candidates if product_of.get(name, name) in own or name in own]


def list_folds(
    data: Catalog, lists: Mapping[str, Sequence[Mapping[str, Sequence[str]]]], absent: frozenset[str]
) -> list[Fold]:
    """Make two folds a draw: lists of texts for photos, and lists of photos for texts.

    :param absent: photos that are not there; as queries they are misses, as candidates they are left out.
    """
    photos = {photo.id: photo for photo in data.all_photos}
    folds: list[Fold] = []
    for number, (i2t, t2i) in lists.items():
        tail = f"/{number}" if number else ""
        texts = Fold(
            name=IMAGE_TO_TEXT + tail,
            queries=[photos[name].image for name in i2t if name not in absent],
            gallery=[data.caption(name) for name in dict.fromkeys(n for row in i2t.values() for n in row)],
            positives={
                name: [f"text/{n}" for n in _positives(name, row, data.product_of)] for name, row in i2t.items()
            },
            clusters={name: data.product_of[name] for name in i2t},
            training=data.training,
            unavailable=tuple(name for name in i2t if name in absent),
            order=tuple(i2t),
        )
        folds.append(texts.among(texts.name, {name: [f"text/{one}" for one in row] for name, row in i2t.items()}))
        offered = [name for name in dict.fromkeys(n for row in t2i.values() for n in row) if name not in absent]
        images = Fold(
            name=TEXT_TO_IMAGE + tail,
            queries=[data.caption(product) for product in t2i],
            gallery=[photos[name].image for name in offered],
            positives={
                f"text/{product}": [n for n in _positives(product, row, data.product_of) if n not in absent]
                for product, row in t2i.items()
            },
            clusters={f"text/{product}": product for product in t2i},
            training=data.training,
        )
        folds.append(images.among(images.name, {f"text/{product}": row for product, row in t2i.items()}))
    return folds

"""Cross-modal retrieval in both directions: over the whole gallery, or over sampled candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.fashion200k import MBeir
from fashionbench_tasks.retrieval.cross_modal.catalog import Catalogue, fashiongen, manifest_pairs
from fashionbench_tasks.retrieval.sampling import blocks, dice, draw_candidates, draw_queries, grouped
from fashionbench_tasks.retrieval.task import Fold, Retrieval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.lazy_items import Source
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

#: Names of the slices, by direction.
I2T, T2I = "image-to-text", "text-to-image"


def fashiongen_full(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank all product texts for every photo, and all photos for every product text."""
    return _full(spec, fashiongen(spec, roots))


def pairs_full(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Do the same on a user's manifest, from fashion or from anywhere else."""
    return _full(spec, manifest_pairs(spec, roots))


def _full(spec: TaskSpec, data: Catalogue) -> Retrieval:
    products = list(data.texts)
    sizes = {"photos": len(data.shots) + len(data.unavailable), "products": len(products)}

    def folds() -> list[Fold]:
        texts = [data.caption(product) for product in products]
        clusters = {shot.id: shot.product for shot in (*data.shots, *data.unavailable)}
        to_text = Fold(
            name=I2T,
            queries=[shot.image for shot in data.shots],
            gallery=texts,
            positives={shot.id: [f"text/{shot.product}"] for shot in data.shots},
            clusters=clusters,
            training=data.training,
            unavailable=tuple(shot.id for shot in data.unavailable),
        )
        to_image = Fold(
            name=T2I,
            queries=texts,
            gallery=[shot.image for shot in data.shots],
            positives={f"text/{p}": [shot.id for shot in shots] for p, shots in data.photos.items()},
            clusters={f"text/{product}": product for product in products},
            training=data.training,
        )
        return [to_text, to_image]

    return Retrieval(spec, data.info(sizes), folds)


def fashiongen_sampled(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank sampled candidates.

    Options: ``queries`` and ``candidates`` (counts), ``draws``, ``seed``, ``group`` (``subcategory`` or ``category``),
    and ``unit``: ``photos`` draws negatives among single photos (several of one product may appear), ``products`` among
    products, each with one drawn photo.
    """
    data = fashiongen(spec, roots)
    draws = [_draw(spec, data, number) for number in range(int(str(spec.options["draws"])))]
    lists = {str(number): (i2t, t2i) for number, (i2t, t2i, _) in enumerate(draws, 1)}
    strange = sum(count for _, _, count in draws)
    sizes = {"queries": sum(len(i2t) + len(t2i) for i2t, t2i in lists.values()), "photos": len(data.shots)}
    info = data.info(sizes, lists, **{"negatives from another group": str(strange)})
    return Retrieval(spec, info, lambda: _listed(data, lists))


def fashiongen_lists(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank the candidates of published lists: files ``lists/i2t-*.json`` and ``lists/t2i-*.json``.

    :raises DataError: where a direction has no lists.
    """
    from fashionbench_tasks.datasets.fashiongen import FashionGen  # noqa: PLC0415

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
    sizes = {"queries": sum(len(part) for pair in lists.values() for part in pair), "photos": len(data.shots)}
    return Retrieval(spec, data.info(sizes, lists), lambda: _listed(data, lists))


def fashiongen_blocks(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank within consecutive blocks of the file, one photo a product, as UniFashion's released code does.

    What is left over at the end is dropped there, so it is dropped here, and counted.
    """
    data = fashiongen(spec, roots)
    size = int(str(spec.options["block"]))
    cut, left = blocks(list(data.photos), size)
    if not cut:
        raise DataError(f"{len(data.photos)} products make no block of {size}", remedy="use the full gallery")
    i2t: dict[str, list[str]] = {}
    t2i: dict[str, list[str]] = {}
    for block in cut:
        first = {product: data.photos[product][0].id for product in block}
        i2t |= {first[product]: block for product in block}
        t2i |= {product: list(first.values()) for product in block}
    info = data.info({"queries": len(i2t) + len(t2i)}, [i2t, t2i], **{"products left over": str(left)})
    return Retrieval(spec, info, lambda: _listed(data, {"": [i2t, t2i]}))


def _draw(spec: TaskSpec, data: Catalogue, number: int) -> tuple[dict[str, list[str]], dict[str, list[str]], int]:
    """Draw the lists of both directions; also how many negatives came from another group."""
    options = spec.options
    rng = dice("fashiongen", options["seed"], number)
    count, single = int(str(options["candidates"])), options["unit"] == "photos"
    whole = options["group"] == "category"
    group = {p: data.groups[p].partition("/")[0] if whole else data.groups[p] for p in data.photos}
    photo = {product: rng.choice(shots).id for product, shots in data.photos.items()}
    i2t: dict[str, list[str]] = {}
    t2i: dict[str, list[str]] = {}
    strange = 0
    for product in draw_queries(list(data.photos), int(str(options["queries"])), rng):
        # Other photos of the product are no negatives of it.
        units = {s.id: group[s.product] for s in data.shots if s.product != product} if single else dict(group)
        own = photo[product] if single else product
        units[own] = group[product]
        members = grouped(units)
        i2t[photo[product]], more = draw_candidates(own, units, members, count, rng)
        strange += more
        chosen, more = draw_candidates(own, units, members, count, rng)
        strange += more
        t2i[product] = chosen if single else [photo[name] for name in chosen]
    return i2t, t2i, strange


def _listed(data: Catalogue, lists: Mapping[str, Sequence[Mapping[str, Sequence[str]]]]) -> list[Fold]:
    """Make two folds a draw: lists of texts for photos, and lists of photos for texts."""
    shots = {shot.id: shot for shot in data.shots}
    owner = {shot.id: shot.product for shot in data.shots}
    made: list[Fold] = []
    for number, (i2t, t2i) in lists.items():
        tail = f"/{number}" if number else ""
        asked = [name for name in i2t if name in shots]
        made.append(
            Fold(
                name=I2T + tail,
                queries=[shots[name].image for name in asked],
                gallery=[data.caption(name) for name in dict.fromkeys(n for row in i2t.values() for n in row)],
                positives={name: [f"text/{n}" for n in i2t[name] if n in {name, owner[name]}] for name in asked},
                candidates={name: [f"text/{product}" for product in i2t[name]] for name in asked},
                clusters={name: owner[name] for name in asked},
                training=data.training,
                unavailable=tuple(name for name in i2t if name not in shots),
            )
        )
        products = list(t2i)
        made.append(
            Fold(
                name=T2I + tail,
                queries=[data.caption(product) for product in products],
                gallery=[shots[name].image for name in dict.fromkeys(n for row in t2i.values() for n in row)],
                positives={f"text/{p}": [name for name in t2i[p] if owner.get(name) == p] for p in products},
                candidates={f"text/{product}": list(t2i[product]) for product in products},
                clusters={f"text/{product}": product for product in products},
                training=data.training,
            )
        )
    return made


def mbeir(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Run a Fashion200K task of M-BEIR; the option ``task`` is 0 (text to image) or 3 (image to text)."""
    root = place(spec, roots)
    data = MBeir(root)
    number = int(str(spec.options["task"]))
    task = data.task(number)
    images = {e.image: root / e.image for e in (*task.queries, *task.candidates) if e.image}
    annotations = {name: path for name, path in data.annotations().items() if name.endswith(f"/{number}")}
    found = survey(images, annotations, cache=roots.index)

    def source(name: str, text: str, image: str) -> Source:
        return ImageFile(name, images[image]) if image else TextItem(name, text)

    def folds() -> list[Fold]:
        gallery = [e for e in task.candidates if e.image not in found.absent]
        names = {e.id for e in gallery}
        known = {e.id for e in task.candidates}
        stray = sorted({name for ids in task.qrels.values() for name in ids} - known)
        if stray:
            raise DataError(f"the positive {stray[0]} is not in the pool", remedy="fetch pool and qrels again")
        return [
            Fold(
                name=T2I if number == 0 else I2T,
                queries=[source(e.id, e.text, e.image) for e in task.queries if e.image not in found.absent],
                gallery=[source(e.id, e.text, e.image) for e in gallery],
                positives={e.id: [n for n in task.qrels.get(e.id, ()) if n in names] for e in task.queries},
                unavailable=tuple(e.id for e in task.queries if e.image in found.absent),
            )
        ]

    sizes = {"queries": len(task.queries), "gallery": len(task.candidates)}
    return Retrieval(spec, DataInfo(found.fingerprint, sizes, found.missing, found.unreadable, is_twin(root)), folds)

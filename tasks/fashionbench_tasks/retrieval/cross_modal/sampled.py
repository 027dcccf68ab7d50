"""Cross-modal retrieval over sampled candidates: drawn from a seed, or consecutive blocks of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.retrieval.cross_modal.candidate_lists import listed_retrieval
from fashionbench_tasks.retrieval.cross_modal.catalog import fashiongen
from fashionbench_tasks.retrieval.sampling import blocks, draw_candidates, draw_queries, grouped, seeded_random

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.retrieval.cross_modal.catalog import Catalog
    from fashionbench_tasks.retrieval.task import Retrieval


def fashiongen_sampled(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank sampled candidates; drawn among all photos of the annotations, so that every copy of the data has one draw.

    Options: ``queries`` and ``candidates`` (counts), ``draws``, ``seed``, ``group`` (``subcategory`` or ``category``),
    and ``unit``: ``photos`` draws negatives among single photos (several of one product may appear), ``products`` among
    products, each with one drawn photo.
    """
    data = fashiongen(spec, roots)
    draws = [_draw(spec, data, number) for number in range(int(str(spec.options["draws"])))]
    lists = {str(number): (i2t, t2i) for number, (i2t, t2i, _) in enumerate(draws, 1)}
    from_others = sum(count for _, _, count in draws)
    sizes = {"queries": sum(len(i2t) + len(t2i) for i2t, t2i in lists.values()), "photos": len(data.all_photos)}
    info = data.info(sizes, lists, **{"negatives from another group": str(from_others)})
    return listed_retrieval(spec, data, info, lists)


def fashiongen_blocks(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank within consecutive blocks of the file, one photo a product, as UniFashion's released code does.

    What is left over at the end is dropped there, so it is dropped here, and counted.
    """
    data = fashiongen(spec, roots)
    size = int(str(spec.options["block"]))
    cut, left = blocks(list(data.by_product), size)
    if not cut:
        raise DataError(f"{len(data.by_product)} products make no block of {size}", remedy="use the full gallery")
    i2t: dict[str, list[str]] = {}
    t2i: dict[str, list[str]] = {}
    for block in cut:
        first = {product: data.by_product[product][0].id for product in block}
        i2t |= {first[product]: block for product in block}
        t2i |= {product: list(first.values()) for product in block}
    info = data.info({"queries": len(i2t) + len(t2i)}, [i2t, t2i], **{"products left over": str(left)})
    return listed_retrieval(spec, data, info, {"": [i2t, t2i]})


def _draw(spec: TaskSpec, data: Catalog, number: int) -> tuple[dict[str, list[str]], dict[str, list[str]], int]:
    """Draw the lists of both directions; also how many negatives came from another group."""
    options = spec.options
    rng = seeded_random("fashiongen", options["seed"], number)
    count, single = int(str(options["candidates"])), options["unit"] == "photos"
    whole = options["group"] == "category"
    group = {p: data.groups[p].partition("/")[0] if whole else data.groups[p] for p in data.by_product}
    photo = {product: rng.choice(photos).id for product, photos in data.by_product.items()}
    i2t: dict[str, list[str]] = {}
    t2i: dict[str, list[str]] = {}
    from_others = 0
    for product in draw_queries(list(data.by_product), int(str(options["queries"])), rng):
        # Other photos of the product are no negatives of it.
        units = {s.id: group[s.product] for s in data.all_photos if s.product != product} if single else dict(group)
        positive = photo[product] if single else product
        units[positive] = group[product]
        members = grouped(units)
        i2t[photo[product]], more = draw_candidates(positive, units, members, count, rng)
        from_others += more
        chosen, more = draw_candidates(positive, units, members, count, rng)
        from_others += more
        t2i[product] = chosen if single else [photo[name] for name in chosen]
    return i2t, t2i, from_others

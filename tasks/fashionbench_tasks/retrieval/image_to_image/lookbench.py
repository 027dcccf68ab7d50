"""LookBench: find products by a photo, judged in three ways: by fine label, by category, and by shared attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.lookbench import NOISE, LookBench
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.lookbench import Look

FINE, COARSE, ATTRIBUTES = "fine", "coarse", "attributes"


def lookbench(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Make the task of a set; options: ``set``, and ``snapshot``, the folder of a dated snapshot."""
    data = LookBench(place(spec, roots), str(spec.options.get("snapshot", "")))
    name = str(spec.options["set"])
    queries, products, noise = data.queries(name), data.gallery(name), data.noise()
    files = {key: path for key, path in data.annotations().items() if key.partition("/")[0] in {name, NOISE}}
    checked = survey({}, files, cache=roots.index)

    def folds() -> list[Fold]:
        gallery = [*(look.image for look in products), *noise]
        fine: dict[tuple[str, str], list[str]] = {}
        coarse: dict[str, list[Look]] = {}
        for look in products:
            fine.setdefault((look.category, look.main), []).append(look.id)
            coarse.setdefault(look.category, []).append(look)
        shared = {query.id: overlaps(query, coarse.get(query.category, ())) for query in queries}
        positives: dict[str, Mapping[str, Sequence[str]]] = {
            FINE: {query.id: fine.get((query.category, query.main), []) for query in queries},
            COARSE: {query.id: [look.id for look in coarse.get(query.category, ())] for query in queries},
            ATTRIBUTES: {query: list(own) for query, own in shared.items()},
        }
        return [
            Fold(
                name=judged,
                queries=[query.image for query in queries],
                gallery=gallery,
                positives=own,
                grades=shared if judged == ATTRIBUTES else {},
                clusters={query.id: query.item or query.id for query in queries},
            )
            for judged, own in positives.items()
        ]

    sizes = {"queries": len(queries), "gallery": len(products) + len(noise), "distractors": len(noise)}
    labels = {(look.category, look.main) for look in products}
    unanswered = sum((query.category, query.main) not in labels for query in queries)
    facts = {"snapshot": data.snapshot, "queries whose fine label no product has, misses": str(unanswered)}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts)
    return Retrieval(spec, info, folds)


def overlaps(query: Look, products: Sequence[Look]) -> dict[str, float]:
    """Return the share of a query's attributes that each product of its category has, of those that have any.

    The attributes are the main one and the others; a query without any is alike to all of its category.
    """
    wanted = {("main", query.main), *(("other", one) for one in query.others)} - {("main", "")}
    if not wanted:
        return {look.id: 1.0 for look in products}
    found = {
        look.id: len(wanted & {("main", look.main), *(("other", one) for one in look.others)}) / len(wanted)
        for look in products
    }
    return {name: share for name, share in found.items() if share > 0}

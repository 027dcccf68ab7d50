"""Image retrieval on a user's manifest: photos of one group find each other (in-shop), or by role (street to shop)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.own_data.facts import facts_of, slice_labels
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.judged import judged
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

FOLD = "images"


def image_to_image(spec: TaskSpec, roots: DataRoots, *, graded: bool = True) -> Retrieval:
    """Rank the other photos for every photo that has one of its group among them, or that is judged.

    With a column ``role`` the queries find candidates alone; without, every photo is both, and no candidate of itself.

    :raises DataError: where the manifest holds no photos in groups, a photo stands in two groups, none has another, or
        a judgement is wrong.
    """
    data = Manifest(place(spec, roots))
    data.require("images", spec.id)
    split, rows = data.measured
    group: dict[str, str] = {}
    for row in rows:
        if group.setdefault(row["image"], row["group"]) != row["group"]:
            msg = f"{data.path}, row {data.row_number(row)}: {row['image']} is in the groups "
            raise DataError(f"{msg}{group[row['image']]!r} and {row['group']!r}", remedy="keep one of them")
    roles = "role" in rows[0]
    asking = list(dict.fromkeys(row["image"] for row in rows if not roles or row["role"] == "query"))
    gallery = list(dict.fromkeys(row["image"] for row in rows if not roles or row["role"] == "candidate"))
    members: dict[str, list[str]] = {}
    for name in gallery:
        members.setdefault(group[name], []).append(name)
    answers = {name: [other for other in members.get(group[name], ()) if other != name] for name in asking}
    files = {name: ImageFile(name, data.file(name)) for name in (*asking, *gallery)}
    checked = survey({name: one.path for name, one in files.items()}, data.judged_annotations(), cache=roots.index)
    further = {row["image"]: slice_labels(data, row, FOLD) for row in rows}

    qrels = data.qrels if graded else None

    def of(queries: Sequence[str], absent: frozenset[str]) -> list[Fold]:
        here = [name for name in queries if name not in absent]
        return [
            Fold(
                name=FOLD,
                queries=[files[name] for name in here],
                gallery=[files[name] for name in gallery if name not in absent],
                positives={name: [other for other in answers[name] if other not in absent] for name in here},
                exclude={name: [name] for name in here if name in members.get(group[name], ())},
                clusters={name: group[name] for name in queries},
                further={name: further[name] for name in queries if further[name]},
                unavailable=tuple(name for name in queries if name in absent),
                order=tuple(queries),
            )
        ]

    # A photo without another one of its group may be judged, which is seen when the judgements are read.
    (whole,) = judged(lambda absent: of(asking, absent), qrels)[0](frozenset())
    queries = [name for name in asking if whole.positives[name]]
    if not queries:
        remedy = "give photos of one product the same group, and with roles at least one of each role"
        raise DataError(f"{data.path}: no photo has another one of its group to find", remedy=remedy)
    made, judgements = judged(lambda absent: of(queries, absent), qrels)
    left_out = {"queries without another photo of their group, left out": str(len(asking) - len(queries))}
    facts = facts_of(data, split, {**left_out, **judgements})
    sizes = {"queries": len(queries), "gallery": len(gallery), "groups": len(set(group.values()))}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts)
    return Retrieval(spec, info, lambda: made(checked.absent), lambda: made(frozenset()))

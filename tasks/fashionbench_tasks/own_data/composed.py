"""Composed retrieval on a user's manifest: reference, text and target, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ComposedFile, ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.own_data.facts import facts_of, slice_labels
from fashionbench_tasks.retrieval.composed.queries import Question, composed_training
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.judged import judged
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

FOLD = "composed"
_Asked: TypeAlias = tuple[str, str]


def composed(spec: TaskSpec, roots: DataRoots, *, graded: bool = True) -> Retrieval:
    """Rank all images of the measured rows, without the reference, for every reference with its text.

    Rows with one reference and one text are one query with several targets. A column ``query`` names it.

    :raises DataError: where the manifest holds no composed queries, two of them have one name, or a judgement is wrong.
    """
    data = Manifest(place(spec, roots))
    data.require("triplets", spec.id)
    split, rows = data.measured
    targets: dict[tuple[str, str], list[str]] = {}
    labels: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        asked = (row["reference"], row["text"])
        targets.setdefault(asked, []).append(row["target"])
        labels.setdefault(asked, []).extend(slice_labels(data, row, FOLD))
    ids = _ids(data, rows, list(targets))
    gallery = list(dict.fromkeys(name for row in rows for name in (row["reference"], row["target"])))
    names = {name: data.file(name) for name in gallery}
    checked = survey(names, data.judged_annotations(), cache=roots.index)
    train = [
        Question(f"train/{data.row_number(row)}", row["reference"], row["text"], row["target"])
        for row in data.rows
        if row.get("split") == "train"
    ]

    def folds(absent: frozenset[str]) -> list[Fold]:
        usable = [asked for asked in targets if asked[0] not in absent]
        return [
            Fold(
                name=FOLD,
                queries=[ComposedFile(ids[asked], names[asked[0]], asked[1]) for asked in usable],
                gallery=[ImageFile(name, path) for name, path in names.items() if name not in absent],
                positives={
                    ids[asked]: [t for t in dict.fromkeys(targets[asked]) if t not in absent and t != asked[0]]
                    for asked in usable
                },
                exclude={ids[asked]: [asked[0]] for asked in usable},
                clusters={ids[asked]: asked[0] for asked in targets},
                further={ids[asked]: sorted(set(own)) for asked, own in labels.items() if own},
                training=composed_training(train, data.file),
                unavailable=tuple(ids[asked] for asked in targets if asked[0] in absent),
                order=tuple(ids.values()),
            )
        ]

    made, facts = judged(folds, data.qrels if graded else None)
    sizes = {"queries": len(targets), "gallery": len(gallery)}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts_of(data, split, facts))
    return Retrieval(spec, info, lambda: made(checked.absent), lambda: made(frozenset()))


def _ids(data: Manifest, rows: Sequence[Mapping[str, str]], asked: Sequence[tuple[str, str]]) -> dict[_Asked, str]:
    """Name each query as the column ``query`` does, and where that is empty by its number.

    :raises DataError: where two queries have one name, or one has two.
    """
    named: dict[_Asked, str] = {}
    first: dict[str, _Asked] = {}
    for row in rows:
        name = row.get("query", "")
        own = (row["reference"], row["text"])
        if name and (named.setdefault(own, name) != name or first.setdefault(name, own) != own):
            other = named[own] if named[own] != name else " ".join(first[name])
            msg = f"{data.path}, row {data.row_number(row)}: the query {name!r} is also {other!r}"
            raise DataError(msg, remedy="give each reference with its text one name of its own")
    ids = {one: named.get(one) or f"query/{number}" for number, one in enumerate(asked)}
    if len(set(ids.values())) != len(ids):
        raise DataError(f"{data.path} names a query like another one's number", remedy="name all queries, or none")
    return ids

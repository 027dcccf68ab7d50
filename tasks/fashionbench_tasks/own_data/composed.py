"""Composed retrieval on a user's manifest: reference, text and target, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ComposedFile, ImageFile
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.own_data.facts import facts_of, slice_labels
from fashionbench_tasks.retrieval.composed.queries import Question, composed_training
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

FOLD = "composed"


def composed(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank all images of the measured rows, without the reference, for every reference with its text.

    Rows with one reference and one text are one query with several targets.

    :raises DataError: where the manifest holds no composed queries.
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
    ids = {asked: f"query/{number}" for number, asked in enumerate(targets)}
    gallery = list(dict.fromkeys(name for row in rows for name in (row["reference"], row["target"])))
    names = {name: data.file(name) for name in gallery}
    checked = survey(names, data.annotations(), cache=roots.index)
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

    sizes = {"queries": len(targets), "gallery": len(gallery)}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts_of(data, split))
    return Retrieval(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))

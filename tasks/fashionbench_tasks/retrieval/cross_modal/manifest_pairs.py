"""Cross-modal retrieval on a user's manifest: all texts of an image count, and an image may be in several groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.retrieval.cross_modal.catalog import training_pairs
from fashionbench_tasks.retrieval.cross_modal.directions import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.judged import judged
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

Row = dict[str, str]


class Groups:
    """Images and texts by group, each once and in the order of the manifest.

    :param rows: of image-text pairs; a row without a group is of the group of its image.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        groups: dict[str, list[str]] = {}
        images: dict[str, list[str]] = {}
        texts: dict[str, list[str]] = {}
        for row in rows:
            group = _group(row)
            groups.setdefault(row["image"], []).append(group)
            images.setdefault(group, []).append(row["image"])
            texts.setdefault(group, []).extend([row["text"]] if row["text"].strip() else [])
        self.of_image, self.images, self.texts = (
            {name: list(dict.fromkeys(names)) for name, names in found.items()} for found in (groups, images, texts)
        )

    def text_ids(self, group: str) -> list[str]:
        """Return the ids of the texts of a group: the first is named like the group, the others are numbered."""
        return [f"text/{group}" + (f"#{number}" if number else "") for number in range(len(self.texts[group]))]

    def clusters(self) -> dict[str, str]:
        """Return what each group is resampled with: groups that share an image are one."""
        root = {group: group for group in self.texts}

        def find(group: str) -> str:
            while root[group] != group:
                root[group] = root[root[group]]
                group = root[group]
            return group

        for groups in self.of_image.values():
            for other in groups[1:]:
                root[find(other)] = find(groups[0])
        return {group: find(group) for group in self.texts}


def manifest_pairs(spec: TaskSpec, roots: DataRoots, *, graded: bool = True) -> Retrieval:
    """Rank all texts of a manifest for every image, and all images for every text; option ``direction``: one alone.

    :raises DataError: where the manifest holds no pairs, or a judgement is wrong.
    """
    root = place(spec, roots)
    data = Manifest(root)
    data.require("pairs", spec.id)
    split, rows = data.measured
    groups = Groups(rows)
    empty = [row for row in rows if not row["text"].strip()]
    silent = [row for row in empty if not groups.texts[_group(row)]]
    if silent:
        named = first_names([f"row {data.row_number(row)} ({_group(row)})" for row in silent])
        count = sum(not texts for texts in groups.texts.values())
        msg = f"{data.path}: {count} of {len(groups.texts)} groups have no text: {named}"
        raise DataError(msg, remedy="fill in the column text, or drop the rows")
    checked = survey(data.images(), data.judged_annotations(), cache=roots.index)
    train = [row for row in data.rows if row.get("split") == "train" and row["image"] not in checked.absent]
    train = [row for row in train if row["text"].strip()]
    product = Groups(train).clusters() if train else {}
    training = training_pairs(
        [(ImageFile(row["image"], data.file(row["image"])), row["text"], product[_group(row)]) for row in train]
    )

    def folds(absent: frozenset[str]) -> list[Fold]:
        files = {name: ImageFile(name, data.file(name)) for name in groups.of_image}
        made = folds_of(groups, files, absent)
        further = _further(groups, rows, data.slices)
        return [replace(fold, training=training, further=further[fold.name]) for fold in made]

    # Judgements may be of both directions, and a task of one.
    both, judgements = judged(folds, data.qrels if graded else None)
    wanted = spec.options.get("direction")

    def asked(absent: frozenset[str]) -> list[Fold]:
        return [fold for fold in both(absent) if wanted in {None, fold.name}]

    texts = [text for own in groups.texts.values() for text in own]
    shared = sum(count for count in Counter(texts).values() if count > 1)
    sizes = {"photos": len(groups.of_image), "products": len(groups.texts), "texts": len(texts)}
    facts = {"split": split, "texts that several products share": str(shared), **judgements}
    if empty:
        named = first_names([f"row {data.row_number(row)}" for row in empty])
        facts["rows with an image alone"] = f"{len(empty)} of {len(rows)}, whose text is empty: {named}"
    if data.others:
        facts["columns that were not read"] = ", ".join(data.others)
    info = DataInfo.of(checked, sizes, synthetic=is_twin(root), facts=facts)
    return Retrieval(spec, info, lambda: asked(checked.absent), lambda: asked(frozenset()))


def folds_of(groups: Groups, files: Mapping[str, ImageFile], absent: frozenset[str]) -> list[Fold]:
    """Make the folds of the two directions: every text of an image's groups counts, and every image of a text's."""
    texts = [
        TextItem(name, text)
        for group, own in groups.texts.items()
        for name, text in zip(groups.text_ids(group), own, strict=True)
    ]
    photos = [files[name] for name in groups.of_image if name not in absent]
    cluster = groups.clusters()
    to_text = Fold(
        name=IMAGE_TO_TEXT,
        queries=photos,
        gallery=texts,
        positives={
            photo.id: [name for group in groups.of_image[photo.id] for name in groups.text_ids(group)]
            for photo in photos
        },
        clusters={name: cluster[own[0]] for name, own in groups.of_image.items()},
        unavailable=tuple(name for name in groups.of_image if name in absent),
        order=tuple(groups.of_image),
    )
    to_image = Fold(
        name=TEXT_TO_IMAGE,
        queries=texts,
        gallery=photos,
        positives={
            name: [image for image in groups.images[group] if image not in absent]
            for group in groups.texts
            for name in groups.text_ids(group)
        },
        clusters={name: cluster[group] for group in groups.texts for name in groups.text_ids(group)},
    )
    return [to_text, to_image]


def _further(groups: Groups, rows: Iterable[Row], columns: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """Name the further slices of each image and each text, by direction: ``image-to-text/brand=acme``."""
    ids = {
        (group, text): name
        for group, own in groups.texts.items()
        for text, name in zip(own, groups.text_ids(group), strict=True)
    }
    found: dict[str, dict[str, list[str]]] = {IMAGE_TO_TEXT: {}, TEXT_TO_IMAGE: {}}
    for row in rows if columns else ():
        queries = {IMAGE_TO_TEXT: row["image"], TEXT_TO_IMAGE: ids.get((_group(row), row["text"]))}
        for direction, query in queries.items():
            for column, name in columns.items():
                if query is not None and row.get(column):
                    label = f"{direction}/{name}={row[column]}"
                    found[direction].setdefault(query, []).append(label)
    return {
        direction: {query: sorted(set(labels)) for query, labels in own.items()} for direction, own in found.items()
    }


def _group(row: Row) -> str:
    return row.get("group") or row["image"]

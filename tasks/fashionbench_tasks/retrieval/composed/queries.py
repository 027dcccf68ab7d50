"""Composed image retrieval: find the target for a reference image and a modification text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ComposedFile, ImageFile
from fashionbench.data.packed_files import is_there
from fashionbench.data.training_examples import TrainingData, Triplet
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.cirr import CIRR
from fashionbench_tasks.datasets.fashion_iq import CATEGORIES, FashionIQ
from fashionbench_tasks.lazy import Lazy
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.items import Box
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec

#: What the field strips from the ends of a relative caption before it joins two (CLIP4Cir, SPRC).
_EDGES = ".?, "


@dataclass(frozen=True, slots=True)
class Question:
    """One composed query; ``target`` is empty where it is not published.

    :param box: where the object is in the reference that should stay the same.
    """

    id: str
    reference: str
    text: str
    target: str
    box: Box | None = None


def join(captions: tuple[str, str], how: str) -> list[str]:
    """Make the query text, or texts, of two relative captions.

    :param how: ``and``: "First and second", ends stripped, first letter capital (CLIP4Cir, SPRC); ``comma``: "first,
        second" (FashionViL); ``second-first``: "Second and first"; ``first``, ``second``: one caption alone; ``each``:
        two queries.
    :raises DataError: for any other way.
    """
    one, two = (text.strip(_EDGES) for text in captions)
    ways = {
        "and": [f"{one.capitalize()} and {two}"],
        "comma": [f"{one}, {two}"],
        "second-first": [f"{two.capitalize()} and {one}"],
        "first": [one],
        "second": [two],
        "each": [one, two],
    }
    if how not in ways:
        raise DataError(f"captions cannot be joined by {how!r}", remedy=f"use one of {', '.join(ways)}")
    return ways[how]


def fashion_iq(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Make a Fashion-IQ task; options: ``gallery`` (original, val-union), ``reference`` (kept, removed), ``join``."""
    data = FashionIQ(place(spec, roots))
    how, union = str(spec.options["join"]), spec.options["gallery"] == "val-union"
    galleries = {c: data.union(c, "val") if union else data.split(c, "val") for c in CATEGORIES}
    questions = {
        category: [
            Question(f"{t.id}/{i}" if how == "each" else t.id, t.reference, text, t.target)
            for t in data.triplets(category, "val")
            for i, text in enumerate(join(t.captions, how))
        ]
        for category in CATEGORIES
    }
    train = [
        Question(t.id, t.reference, join(t.captions, "and")[0], t.target)
        for category in CATEGORIES
        if f"captions/{category}/train" in data.annotations()
        for t in data.triplets(category, "train")
    ]
    annotations = {name: path for name, path in data.annotations().items() if not name.endswith("/test")}
    return _task(spec, roots, data.root, questions, galleries, train, data.files.path, annotations)


def cirr(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Make a CIRR task; the reference is removed, and the subset is ranked as a slice.

    The option ``split`` is ``val``, or ``test1``, whose targets are with the publisher: it ranks, and scores nothing.
    """
    data = CIRR(place(spec, roots))
    split = str(spec.options.get("split", "val"))
    files = data.split(split)
    gallery = list(files)
    queries = data.queries(split)
    evaluated = [Question(q.id, q.reference, q.caption, q.target) for q in queries]
    data.check_subsets(queries, files, split)
    subsets = {q.id: [name for name in q.members if name != q.reference] for q in queries}
    train: list[Question] = []
    if "captions/train" in data.annotations():
        train = [Question(q.id, q.reference, q.caption, q.target) for q in data.queries("train")]
        files |= data.split("train")
    annotations = {
        name: path for name, path in data.annotations().items() if name.rpartition("/")[2] in {split, "train"}
    }

    def locate(name: str) -> Path:
        if name not in files:
            msg = f"a query names the image {name!r}, which is in no split file of {data.root}"
            raise DataError(msg, remedy="captions and splits are of different releases: fetch both again")
        return files[name]

    return _task(spec, roots, data.root, {"full": evaluated}, {"full": gallery}, train, locate, annotations, subsets)


def _task(
    spec: TaskSpec,
    roots: DataRoots,
    root: Path,
    questions: Mapping[str, Sequence[Question]],
    galleries: Mapping[str, Sequence[str]],
    train: Sequence[Question],
    locate: Callable[[str], Path],
    annotations: Mapping[str, Path],
    subsets: Mapping[str, Sequence[str]] | None = None,
) -> Retrieval:
    names = {name for gallery in galleries.values() for name in gallery}
    names |= {question.reference for group in questions.values() for question in group}
    checked = survey({name: locate(name) for name in names}, annotations, cache=roots.index)
    removed = spec.options["reference"] == "removed"

    def folds(absent: frozenset[str]) -> list[Fold]:
        training = composed_training(train, locate)
        all_folds = [
            composed_fold(name, group, galleries[name], locate, absent, removed=removed, training=training)
            for name, group in questions.items()
        ]
        for name, group in questions.items() if subsets else ():
            subset = composed_fold(name, group, galleries[name], locate, absent, removed=True, training=training)
            all_folds.append(subset.among("subset", subsets or {}))
        return all_folds

    sizes = {"queries": sum(map(len, questions.values())), "gallery": sum(map(len, galleries.values()))}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(root))
    return Retrieval(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))


def composed_fold(
    name: str,
    questions: Sequence[Question],
    gallery: Sequence[str],
    locate: Callable[[str], Path],
    absent: frozenset[str],
    *,
    removed: bool,
    training: TrainingData | None,
) -> Fold:
    """Make a fold of composed queries.

    A query whose reference is absent is lost, an absent candidate is left out, and a query whose target is absent stays
    and cannot be answered; all three are counted as misses.

    :param absent: names of images that are missing or unreadable.
    :param removed: whether the reference is no candidate of its own query.
    :raises DataError: where a target is not in the gallery, which has made published numbers too high.
    """
    listed = dict.fromkeys(gallery)
    for question in questions:
        if question.target and question.target not in listed:
            msg = f"the target {question.target!r} of query {question.id} is not in the gallery {name}"
            raise DataError(msg, remedy="captions and splits are of different releases: fetch both again")
    usable = [question for question in questions if question.reference not in absent]
    return Fold(
        name=name,
        queries=[ComposedFile(q.id, locate(q.reference), q.text, q.box) for q in usable],
        gallery=[ImageFile(image, locate(image)) for image in listed if image not in absent],
        positives={q.id: [q.target] for q in usable if q.target and q.target not in absent},
        exclude={q.id: [q.reference] for q in usable if q.reference in listed} if removed else {},
        clusters={q.id: q.reference for q in questions},
        training=training,
        unavailable=tuple(q.id for q in questions if q.reference in absent),
        order=tuple(q.id for q in questions),
    )


def composed_training(questions: Sequence[Question], locate: Callable[[str], Path]) -> TrainingData | None:
    """Return the training triplets whose images are there; None where there are none."""
    usable = [q for q in questions if is_there(locate(q.reference)) and is_there(locate(q.target))]
    if not usable:
        return None

    def make(at: int) -> Triplet:
        question = usable[at]
        reference = ImageFile(question.reference, locate(question.reference)).open()
        target = ImageFile(question.target, locate(question.target)).open()
        return Triplet(reference, TextItem(question.id, question.text), target)

    names = [(q.reference, q.text, q.target) for q in usable]
    images = {name: ImageFile(name, locate(name)) for q in usable for name in (q.reference, q.target)}
    return TrainingData("train", triplets=Lazy(len(usable), make, names), images=images)

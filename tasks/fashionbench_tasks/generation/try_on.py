"""Virtual try-on on VITON-HD and Dress Code, and garment design on MGD's captions and sketches."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets import dress_code, viton_hd
from fashionbench_tasks.datasets.mgd import MGD
from fashionbench_tasks.generation.task import Commission, Generation, Size
from fashionbench_tasks.generation.training_set import Lesson, training_tryon_examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def viton(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make a VITON-HD task; options: ``paired``, ``width``, ``height``, ``filter``, ``repaint``, ``extractors``."""
    root = place(spec, roots)
    data = viton_hd.VitonHD(root)
    paired = bool(spec.options["paired"])
    orders = [
        Commission(
            id=f"{pair.person}_{pair.garment}",
            slice="all",
            person=data.person("test", pair.person),
            garment=data.garment("test", pair.garment),
            truth=_truth(root, data.person("test", pair.person), "test", pair.person, pair.garment, paired=paired),
            conditions=data.conditions("test", pair),
        )
        for pair in data.pairs("test", paired=paired)
    ]
    real = {pair.person: data.person("test", pair.person) for pair in data.pairs("test", paired=True)}
    facts = {"mask source": data.mask_source("test")}
    lessons = _viton_lessons(data, None)
    return _task(spec, roots, root, orders, real, {"pairs/test": root / "test_pairs.txt"}, facts, lessons)


def dresscode(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make a Dress Code task; each category is a slice, and garment photos never stand on the real side."""
    root = place(spec, roots)
    data = dress_code.DressCode(root)
    paired = bool(spec.options["paired"])
    orders: list[Commission] = []
    real: dict[str, Path] = {}
    for category in dress_code.CATEGORIES:
        if not (root / category).is_dir():
            continue
        for pair in data.pairs(category, "test", paired=paired):
            person = data.photo(category, pair.person)
            orders.append(
                Commission(
                    id=f"{category}/{pair.person}_{pair.garment}",
                    slice=category,
                    person=person,
                    garment=data.photo(category, pair.garment),
                    truth=_truth(root, person, category, pair.person, pair.garment, paired=paired),
                    conditions=data.conditions(pair),
                )
            )
            real[f"{category}/{pair.person}"] = person
    annotations = {name: path for name, path in data.annotations().items() if "test" in name}
    lessons = [
        Lesson(
            person=data.photo(category, pair.person),
            garment=data.photo(category, pair.garment),
            conditions=data.conditions(pair),
        )
        for category in dress_code.CATEGORIES
        if f"{category}/train_pairs.txt" in data.annotations()
        for pair in data.pairs(category, "train", paired=True)
    ]
    return _task(spec, roots, root, orders, real, annotations, {}, lessons)


def design(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make the MGD design task: person, noun chunks and sketch of a garment; option ``paired``."""
    root = place(spec, roots)
    data = MGD(root)
    paired = bool(spec.options["paired"])
    orders: list[Commission] = []
    for pair in data.base.pairs("test", paired=paired):
        person = data.base.person("test", pair.person)
        orders.append(
            Commission(
                id=f"{pair.person}_{pair.garment}",
                slice="all",
                person=person,
                garment=data.sketch(pair, paired=paired),
                truth=_truth(root, person, "test", pair.person, pair.garment, paired=paired),
                text=data.text(pair.garment),
                conditions=data.base.conditions("test", pair),
            )
        )
    real = {p.person: data.base.person("test", p.person) for p in data.base.pairs("test", paired=True)}
    facts = {"mask source": data.base.mask_source("test")}
    lessons = _viton_lessons(data.base, data)
    return _task(spec, roots, root, orders, real, data.annotations(), facts, lessons)


def _viton_lessons(data: viton_hd.VitonHD, words: MGD | None) -> list[Lesson]:
    """List the training persons of VITON-HD whose photos are there, with words and sketches where somebody asks."""
    if not (data.root / "train_pairs.txt").is_file():
        return []
    lessons: list[Lesson] = []
    for pair in data.pairs("train", paired=True):
        person, garment = data.person("train", pair.person), data.garment("train", pair.garment)
        if not person.is_file() or not garment.is_file():
            continue
        sketch = words.sketch(pair, paired=True, split="train") if words else None
        lessons.append(
            Lesson(
                person=person,
                garment=garment,
                conditions=data.conditions("train", pair),
                text=words.text(pair.garment) if words else "",
                sketch=sketch if sketch and sketch.is_file() else None,
            )
        )
    return lessons


def _truth(root: Path, photo: Path, part: str, person: str, garment: str, *, paired: bool) -> Path | None:
    """Return the photo that should come out; a twin also knows it for unpaired garments.

    :param part: the folder of the truths: a split, or a category of Dress Code.
    """
    if paired:
        return photo
    if not is_twin(root):
        return None
    stem = f"{PurePath(person).stem}_{PurePath(garment).stem}"
    found = [root / "truth-unpaired" / part / f"{stem}{suffix}" for suffix in (".png", ".jpg")]
    return next((path for path in found if path.is_file()), None)


def _task(
    spec: TaskSpec,
    roots: DataRoots,
    root: Path,
    orders: Sequence[Commission],
    real: Mapping[str, Path],
    annotations: Mapping[str, Path],
    facts: Mapping[str, str],
    lessons: Sequence[Lesson],
) -> Generation:
    files = {path.relative_to(root).as_posix(): path for path in real.values()}
    for order in orders:
        parts = [order.person, order.garment, order.truth, *order.conditions.values()]
        files |= {path.relative_to(root).as_posix(): path for path in parts if path is not None}
    found = survey(files, annotations, cache=roots.index)
    if found.absent:
        named = ", ".join(sorted(found.absent)[:5])
        msg = f"{len(found.absent)} pictures of {spec.dataset} are missing or unreadable: {named}"
        remedy = "a distance over fewer pictures is another number: 'fashionbench data verify' names all of them"
        raise DataError(msg, remedy=remedy)
    options = spec.options
    size = Size(int(str(options["width"])), int(str(options["height"])), str(options["filter"]))
    sizes = {"pairings": len(orders), "real": len(real)}
    info = DataInfo(found.fingerprint, sizes, synthetic=is_twin(root), facts=dict(facts))
    return Generation(spec, info, orders, real, size, training_tryon_examples(lessons, size))

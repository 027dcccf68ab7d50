"""Build a generation task: check its files, fingerprint its data, find the true photos."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.task import Generation
from fashionbench_tasks.generation.training_set import TrainingSample, training_tryon_examples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.mgd import MGD
    from fashionbench_tasks.datasets.viton_hd import VitonHD
    from fashionbench_tasks.generation.samples import GenerationSample


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationData:
    """Input of a generation task: samples, real photos, annotations and training samples.

    :param real: the person photos that a distance compares with, by name.
    :param annotations: files that decide what is asked; part of the fingerprint.
    :param training: lists the training samples, when something is to be learnt: no training file is needed to measure.
    :param facts: what the record says of the data.
    """

    root: Path
    samples: Sequence[GenerationSample]
    real: Mapping[str, Path]
    annotations: Mapping[str, Path]
    training: Callable[[], Sequence[TrainingSample]]
    facts: Mapping[str, str] = field(default_factory=dict)


def generation_task(
    spec: TaskSpec,
    roots: DataRoots,
    data: GenerationData,
    training: Callable[[Resize], TrainingData | None] | None = None,
) -> Generation:
    """Make the task; options: ``width``, ``height``, ``filter``.

    :param training: makes the training part where it is no persons in their own garments, which ``data`` lists.
    :raises DataError: where a file is missing or unreadable: a distance over fewer images is another number.
    """
    if not data.samples:
        lists = ", ".join(path.name for path in data.annotations.values() if path.suffix in {".txt", ".jsonl"})
        raise DataError(f"{lists} in {data.root} names no pair for {spec.id}", remedy="fetch the list of pairs again")
    files = {path.relative_to(data.root).as_posix(): path for path in data.real.values()}
    for sample in data.samples:
        paths = [sample.person, sample.garment, sample.truth, *sample.conditions.values()]
        files |= {path.relative_to(data.root).as_posix(): path for path in paths if path is not None}
    checked = survey(files, data.annotations, cache=roots.index)
    if checked.absent:
        names = first_names(sorted(checked.absent))
        msg = f"{len(checked.absent)} images of {spec.dataset} are missing or unreadable: {names}"
        remedy = "a distance over fewer images is another number: 'fashionbench data verify' names all of them"
        raise DataError(msg, remedy=remedy)
    options = spec.options
    resize = Resize(int(str(options["width"])), int(str(options["height"])), str(options["filter"]))
    sizes = {"pairings": len(data.samples), "real": len(data.real)}
    twin = is_twin(data.root)
    info = DataInfo(checked.fingerprint, sizes, synthetic=twin, facts=dict(data.facts), image_forms=checked.forms)
    learnt = training or (lambda resize: training_tryon_examples(data.training(), resize))
    return Generation(spec, info, data.samples, data.real, resize, lambda: learnt(resize))


def true_photo(root: Path, photo: Path, part: str, person: str, garment: str, *, paired: bool) -> Path | None:
    """Return the photo that should come out; a twin also knows it for unpaired garments.

    :param part: the folder of the truths: a split, or a category of Dress Code.
    """
    if paired:
        return photo
    if not is_twin(root):
        return None
    stem = f"{PurePath(person).stem}_{PurePath(garment).stem}"
    places = [root / "truth-unpaired" / part / f"{stem}{suffix}" for suffix in (".png", ".jpg")]
    return next((path for path in places if path.is_file()), None)


def viton_training(data: VitonHD, words: MGD | None = None) -> list[TrainingSample]:
    """List the training persons of VITON-HD whose photos are there.

    :param words: gives texts and sketches, where the task uses them.
    """
    if not (data.root / "train_pairs.txt").is_file():
        return []
    samples: list[TrainingSample] = []
    for pair in data.pairs("train", paired=True):
        person, garment = data.person("train", pair.person), data.garment("train", pair.garment)
        if not person.is_file() or not garment.is_file():
            continue
        sketch = words.sketch(pair, paired=True, split="train") if words else None
        samples.append(
            TrainingSample(
                person=person,
                garment=garment,
                conditions=data.conditions("train", pair),
                text=words.text(pair.garment) if words else "",
                sketch=sketch if sketch and sketch.is_file() else None,
            )
        )
    return samples

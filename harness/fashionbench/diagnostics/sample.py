"""Items of a diagnosis, from training parts of tasks: what a model was not trained on, and what it may have seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.training_examples import Pair
from fashionbench.errors import DataError
from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fashionbench.data.training_examples import TrainingData, TryOnExample
    from fashionbench.training.contract import TrainingPart

#: So many times as many products are taken to fit probes on.
FITTED = 2


@dataclass(frozen=True, slots=True)
class SampledPair:
    """A photo with its text; the photo is read when it is asked for.

    :param id: of the photo.
    """

    id: str
    text: str
    product: str
    read: Callable[[], ImageItem]

    def open(self) -> ImageItem:
        """Read the photo."""
        return ImageItem(self.id, self.read().image)

    def pair(self) -> Pair:
        """Read the pair, for a backend that learns from it."""
        return Pair(self.open(), TextItem(f"{self.id}/text", self.text), self.product)


@dataclass(frozen=True, slots=True)
class SampledPhoto:
    """A photo by itself, which is read when it is asked for."""

    id: str
    read: Callable[[], ImageItem]

    def open(self) -> ImageItem:
        """Read the photo."""
        return ImageItem(self.id, self.read().image)


@dataclass(frozen=True, slots=True)
class SampledTriplet:
    """A composed query with its target."""

    id: str
    reference: SampledPhoto
    text: str
    target: SampledPhoto


@dataclass(frozen=True, slots=True)
class SampledTryOn:
    """A person, a garment, and the photo that should come out; read when it is asked for."""

    id: str
    garment: str
    read: Callable[[], TryOnExample]


@dataclass(frozen=True, slots=True)
class TaskSample:
    """Pairs of a task.

    :param instruction: what captions are asked with; empty where there is none.
    :param captioning: whether that is the task's own, so that its texts are captions and nothing else.
    :param held: one photo a product, of products that the model was not trained on; no two have one text.
    :param learnt: one photo a product, of other products, for probes to be fitted on.
    """

    task: str
    dataset: str
    instruction: str
    captioning: bool
    held: tuple[SampledPair, ...]
    learnt: tuple[SampledPair, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything that a diagnosis asks about.

    :param known: whether somebody says what the model was not trained on.
    :param triplets: composed queries, one a target, whose targets the model was not trained on.
    :param tryon: persons in garments that the model was not trained on.
    :param counts: how many there are, by name.
    """

    known: bool
    tasks: tuple[TaskSample, ...]
    tryon: tuple[SampledTryOn, ...] = ()
    triplets: tuple[SampledTriplet, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    def captioned(self) -> list[TaskSample]:
        """Return one task of each data set that has an instruction: the first whose own it is, or else the first."""
        first: dict[str, TaskSample] = {}
        for task in sorted(self.tasks, key=lambda one: not one.captioning):
            if task.instruction and len(task.held) > 1:
                first.setdefault(task.dataset, task)
        return list(first.values())


def draw_sample(
    parts: Sequence[TrainingPart],
    *,
    held_out: Callable[[str], bool] | None,
    instructions: Mapping[str, str],
    limit: int,
    seed: int,
) -> Sample:
    """Choose the items of a diagnosis by a hash of their names: neither order nor limit changes who comes first.

    :param parts: training parts of tasks.
    :param held_out: tells whether a product or garment was kept out of the training; None where nobody says, and then
        half of the products, by hash, stand for those that were.
    :param instructions: by data set, where a task has none.
    :param limit: at most so many held-out products of a task, twice as many others, and so many persons.
    :raises DataError: where no task has two products that were held out, and none has persons either.
    """
    kept = held_out or (lambda name: seed_of(seed, "diagnosis", name, bits=53) < 2**52)

    def order(name: str) -> int:
        return seed_of(seed, "order", name)

    tasks = []
    for part in parts:
        pairs = _one_each(_pairs(part.data), order)
        held = tuple(pair for pair in pairs if kept(pair.product))[:limit]
        learnt = tuple(pair for pair in pairs if not kept(pair.product))[: FITTED * limit]
        if pairs:
            instruction = part.instruction or instructions.get(part.dataset, "")
            tasks.append(TaskSample(part.task, part.dataset, instruction, bool(part.instruction), held, learnt))
    persons = [one for part in parts for one in _tryon(part) if kept(one.garment)]
    tryon = tuple(sorted(persons, key=lambda one: order(one.id))[:limit])
    queries = {one.target.id: one for part in parts for one in _triplets(part) if kept(one.target.id)}
    triplets = tuple(sorted(queries.values(), key=lambda one: order(one.id))[:limit])
    if all(len(task.held) < 2 for task in tasks) and len(tryon) < 2 and len(triplets) < 2:
        msg = f"of {', '.join(part.task for part in parts)} fewer than two products were held out"
        raise DataError(msg, remedy="name a task that has training examples by --task, or take larger data")
    counts = {f"{task.task}: held-out products": len(task.held) for task in tasks}
    counts |= {f"{task.task}: products that probes are fitted on": len(task.learnt) for task in tasks}
    counts |= {"held-out persons": len(tryon), "held-out composed queries": len(triplets)}
    return Sample(held_out is not None, tuple(tasks), tryon, triplets, counts)


def _pairs(data: TrainingData) -> list[SampledPair]:
    names = getattr(data.pairs, "names", None)
    if names is None:
        names = [(pair.image.id, pair.text.text, pair.product) for pair in data.pairs]
    return [
        SampledPair(image, text, product, lambda at=at: data.pairs[at].image)  # type: ignore[misc]
        for at, (image, text, product) in enumerate(names)
        if text.strip()
    ]


def _one_each(pairs: Sequence[SampledPair], order: Callable[[str], int]) -> list[SampledPair]:
    """Keep one photo of each product, and one product of each text."""
    chosen: list[SampledPair] = []
    products: set[str] = set()
    texts: set[str] = set()
    for pair in sorted(pairs, key=lambda one: (order(one.product), order(one.id))):
        if pair.product not in products and pair.text not in texts:
            chosen.append(pair)
            products.add(pair.product)
            texts.add(pair.text)
    return chosen


def _triplets(part: TrainingPart) -> list[SampledTriplet]:
    rows = part.data.triplets
    names = getattr(rows, "names", None)
    if names is None:
        names = [(one.reference.id, one.text.text, one.target.id) for one in rows]
    return [
        SampledTriplet(
            f"{part.task}/{at}",
            SampledPhoto(reference, lambda at=at: rows[at].reference),  # type: ignore[misc]
            text,
            SampledPhoto(target, lambda at=at: rows[at].target),  # type: ignore[misc]
        )
        for at, (reference, text, target) in enumerate(names)
        if text.strip()
    ]


def _tryon(part: TrainingPart) -> list[SampledTryOn]:
    examples = part.data.tryon_examples
    names = getattr(examples, "names", None)
    if names is None:
        names = [(example.target.id, example.text, example.item.id) for example in examples]
    return [
        SampledTryOn(f"{part.task}/{image}", garment, lambda at=at: examples[at])  # type: ignore[misc]
        for at, (image, _, garment) in enumerate(names)
    ]

"""What is learnt from: training parts of tasks as examples, apart from everything that is evaluated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from fashionbench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

    from fashionbench.data.training_examples import TrainingData, TryOnExample
    from fashionbench.training.contract import TrainingContext, TrainingPart
    from fashionbench_unifashion.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class PairReference:
    """An image and a text, by the image's id."""

    image: str
    text: str
    product: str
    instruction: str
    task: str


@dataclass(frozen=True, slots=True)
class TripletReference:
    """A composed query; ``caption`` describes the target, or is empty where nobody has described it."""

    reference: str
    text: str
    target: str
    caption: str
    instruction: str


@dataclass(frozen=True, slots=True)
class TryOnReference:
    """A place in the training tryon_examples of a task."""

    at: int
    task: str


@dataclass(slots=True)
class TrainingExamples:
    """All examples, those held out apart.

    :param open: opens an image by its id.
    :param tryon_example: opens a tryon_example.
    :param counts: what was found, left out and held out, by name.
    :param wordless: pairs and triplets whose text is empty.
    """

    pairs: list[PairReference] = field(default_factory=list)
    held_pairs: list[PairReference] = field(default_factory=list)
    triplets: list[TripletReference] = field(default_factory=list)
    held_triplets: list[TripletReference] = field(default_factory=list)
    tryon_examples: list[TryOnReference] = field(default_factory=list)
    held_tryon_examples: list[TryOnReference] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sources: dict[str, Callable[[], Image]] = field(default_factory=dict)
    parts: dict[str, TrainingPart] = field(default_factory=dict)
    wordless: int = 0

    def open(self, name: str) -> Image:
        """Open an image."""
        return self.sources[name]()

    def tryon_example(self, example: TryOnReference) -> TryOnExample:
        """Open a tryon_example."""
        return self.parts[example.task].data.tryon_examples[example.at]

    def of(self, tasks: Sequence[str] | None) -> TrainingExamples:
        """Return these examples with the pairs of some tasks alone; None means all.

        :raises DataError: where none is left to learn from, or none is held out.
        """
        if tasks is None:
            return self
        pairs, held = ([x for x in kept if x.task in tasks] for kept in (self.pairs, self.held_pairs))
        if not pairs or not held:
            msg = f"{', '.join(tasks)} leave no pairs to learn from, or none held out"
            raise DataError(msg, remedy="take larger data, or a larger limit or held_out")
        return replace(self, pairs=pairs, held_pairs=held)

    @property
    def texts(self) -> list[str]:
        """Every text of the examples that are learnt from, for vocabularies."""
        pairs = [example.text for example in self.pairs]
        return pairs + [text for example in self.triplets for text in (example.text, example.caption) if text]


def collect(recipe: Recipe, context: TrainingContext) -> TrainingExamples:
    """Open the training parts of the recipe's tasks and make examples of them.

    :raises ConfigError: where an image would be learnt from and evaluated, and the recipe refuses that.
    :raises DataError: where a sort of examples that a phase needs is empty.
    """
    made = TrainingExamples()
    names = (*recipe.data.pairs, *recipe.data.captions, *recipe.data.triplets, *recipe.data.tryon_examples)
    made.parts = {name: context.part(name) for name in dict.fromkeys(names)}
    evaluated = frozenset().union(*(part.evaluated for part in made.parts.values()))
    strange = _Overlap(evaluated, recipe)
    captions: dict[str, tuple[str, str]] = {}
    for name in recipe.data.captions:
        for image, text, _ in _pairs(made, name, strange):
            captions.setdefault(image, (text, _instruction(made.parts[name], recipe)))
    _described_images(made, strange, recipe)
    for name in recipe.data.triplets:
        _triplets(made, name, captions, strange, recipe)
    for name in recipe.data.tryon_examples:
        _tryon_references(made, name, strange, recipe)
    if recipe.limit is not None:
        for kind in ("pairs", "triplets", "tryon_examples"):
            getattr(made, kind)[:] = _spread(getattr(made, kind), recipe.limit)
            getattr(made, f"held_{kind}")[:] = getattr(made, f"held_{kind}")[: recipe.limit]
    made.counts |= {kind: len(getattr(made, kind)) for kind in ("pairs", "triplets", "tryon_examples")}
    made.counts |= {
        f"held out {kind}": len(getattr(made, f"held_{kind}")) for kind in ("pairs", "triplets", "tryon_examples")
    }
    made.counts["left out because they are evaluated"] = len(strange.met)
    made.counts["left out because they have no words"] = made.wordless
    _require(made, recipe)
    return made


def _described_images(made: TrainingExamples, strange: _Overlap, recipe: Recipe) -> None:
    for name in recipe.data.pairs:
        seen: dict[str, int] = {}
        for image, text, product in _pairs(made, name, strange):
            seen[product] = seen.get(product, 0) + 1
            if recipe.images_each is None or seen[product] <= recipe.images_each:
                example = PairReference(image, text, product, _instruction(made.parts[name], recipe), name)
                (made.held_pairs if _held(product, recipe) else made.pairs).append(example)


def _instruction(part: TrainingPart, recipe: Recipe) -> str:
    """Return what a caption is asked with: one for all, or that of the task, or of its data set in Table 7."""
    if recipe.instruction is not None:
        return recipe.instruction
    return part.instruction or table7().get(part.dataset, "")


def table7() -> dict[str, str]:
    """Read the paper's instructions by data set."""
    text = resources.files("fashionbench_unifashion").joinpath("instructions", "table7.yaml").read_text("utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return found


class _Overlap:
    """Images that are evaluated, and what to do where one is to be learnt from."""

    def __init__(self, evaluated: frozenset[str], recipe: Recipe) -> None:
        self._evaluated = evaluated
        self._drop = recipe.overlap == "drop"
        self.met: set[str] = set()

    def __call__(self, image: str) -> bool:
        if image not in self._evaluated:
            return False
        if not self._drop:
            msg = f"the image {image!r} would be learnt from and is evaluated"
            raise ConfigError(msg, remedy="set overlap: drop to leave such images out of the training, counted")
        self.met.add(image)
        return True


def _pairs(made: TrainingExamples, name: str, strange: _Overlap) -> list[tuple[str, str, str]]:
    data = made.parts[name].data
    found: list[tuple[str, str, str]] = []
    for image, text, product, opener in _described(data):
        made.wordless += not text.strip()
        if text.strip() and not strange(image):
            made.sources.setdefault(image, opener)
            found.append((image, text, product))
    return found


def _described(data: TrainingData) -> list[tuple[str, str, str, Callable[[], Image]]]:
    """List pairs without decoding an image where the data set can."""
    names = getattr(data.pairs, "names", None)
    rows: list[tuple[str, str, str, Callable[[], Image]]] = []
    if names is not None:
        for at, (image, text, product) in enumerate(names):
            rows.append((image, text, product, lambda at=at: data.pairs[at].image.image))  # type: ignore[misc]
        return rows
    for at in range(len(data.pairs)):
        pair = data.pairs[at]
        rows.append((pair.image.id, pair.text.text, pair.product, lambda at=at: data.pairs[at].image.image))  # type: ignore[misc]
    return rows


def _triplets(
    made: TrainingExamples, name: str, captions: dict[str, tuple[str, str]], strange: _Overlap, recipe: Recipe
) -> None:
    data = made.parts[name].data
    names = getattr(data.triplets, "names", None)
    known = names or [(t.reference.id, t.text.text, t.target.id) for t in data.triplets]
    undescribed = 0
    for at, (reference, text, target) in enumerate(known):
        made.wordless += not text.strip()
        # Both are asked, so that both are counted.
        if strange(reference) | strange(target) or not text.strip():
            continue
        made.sources.setdefault(reference, lambda at=at: data.triplets[at].reference.image)  # type: ignore[misc]
        made.sources.setdefault(target, lambda at=at: data.triplets[at].target.image)  # type: ignore[misc]
        caption, instruction = captions.get(target, ("", ""))
        undescribed += not caption
        example = TripletReference(reference, text, target, caption, instruction)
        (made.held_triplets if _held(target, recipe) else made.triplets).append(example)
    key = "triplets without a caption of the target"
    made.counts[key] = made.counts.get(key, 0) + undescribed


def _tryon_references(made: TrainingExamples, name: str, strange: _Overlap, recipe: Recipe) -> None:
    data = made.parts[name].data
    names = getattr(data.tryon_examples, "names", None)
    known = names or [
        (tryon_example.picture.id, tryon_example.text, tryon_example.item.id) for tryon_example in data.tryon_examples
    ]
    for at, (image, _, garment) in enumerate(known):
        if not strange(image) | strange(garment):
            held = _held(garment, recipe)
            (made.held_tryon_examples if held else made.tryon_examples).append(TryOnReference(at, name))


def _held(key: str, recipe: Recipe) -> bool:
    """Tell by a hash of its name whether something is held out, so that the answer does not depend on the order."""
    number = int.from_bytes(hashlib.sha256(f"{recipe.seed}/{key}".encode()).digest()[:8], "big")
    return number / 2**64 < recipe.held_out


def _spread(examples: Sequence[object], limit: int) -> list[object]:
    """Take examples from the whole list at even distances."""
    if len(examples) <= limit:
        return list(examples)
    return [examples[at * len(examples) // limit] for at in range(limit)]


_NEEDS = {
    "contrastive": "pairs",
    "language": "pairs",
    "image": "pairs",
    "composed": "triplets",
    "try_on": "tryon_examples",
}


def _require(made: TrainingExamples, recipe: Recipe) -> None:
    for name, phase in recipe.phases.items():
        kind = _NEEDS.get(phase.kind)
        if kind is None:
            continue
        for which in (kind, f"held_{kind}"):
            if not getattr(made, which):
                msg = f"the phase {name} needs {which.replace('_', ' ')}, and there are none"
                raise DataError(msg, remedy=f"name tasks under data.{kind}, or larger data, or a larger held_out")

"""Collection of training examples from the training parts of tasks: overlap with evaluation, hold-out split, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.items import ImageItem
from fashionbench.data.lazy_items import opened
from fashionbench.errors import ConfigError, DataError
from fashionbench_unifashion.training.examples import (
    PairReference,
    TrainingExamples,
    TripletReference,
    TryOnReference,
)
from fashionbench_unifashion.training.held_out import is_held_out
from fashionbench_unifashion.training.instructions import table7
from fashionbench_unifashion.training.phases.registry import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

    from fashionbench.data.training_examples import TrainingData
    from fashionbench.training.contract import TrainingContext, TrainingPart
    from fashionbench_unifashion.training.recipe import Recipe


def collect(recipe: Recipe, context: TrainingContext) -> TrainingExamples:
    """Open the training parts of the recipe's tasks and make examples of them.

    :raises ConfigError: where an image would be learnt from and evaluated, and the recipe refuses that.
    :raises DataError: where a sort of examples that a phase needs is empty.
    """
    collected = TrainingExamples()
    names = (*recipe.data.pairs, *recipe.data.captions, *recipe.data.triplets, *recipe.data.tryon_examples)
    collected.parts = {name: context.part(name) for name in dict.fromkeys(names)}
    evaluated = frozenset().union(*(part.evaluated for part in collected.parts.values()))
    overlap = _Overlap(evaluated, recipe)
    captions: dict[str, tuple[str, str]] = {}
    for name in recipe.data.captions:
        for image, text, _ in _pairs(collected, name, overlap):
            captions.setdefault(image, (text, _instruction(collected.parts[name], recipe)))
    _add_pairs(collected, overlap, recipe)
    for name in recipe.data.triplets:
        _add_triplets(collected, name, captions, overlap, recipe)
    for name in recipe.data.tryon_examples:
        _add_tryon_examples(collected, name, overlap, recipe)
    if recipe.limit is not None:
        for kind in ("pairs", "triplets", "tryon_examples"):
            getattr(collected, kind)[:] = _evenly(getattr(collected, kind), recipe.limit)
            getattr(collected, f"held_{kind}")[:] = getattr(collected, f"held_{kind}")[: recipe.limit]
    collected.counts |= {kind: len(getattr(collected, kind)) for kind in ("pairs", "triplets", "tryon_examples")}
    collected.counts |= {
        f"held out {kind}": len(getattr(collected, f"held_{kind}")) for kind in ("pairs", "triplets", "tryon_examples")
    }
    collected.counts["left out because they are evaluated"] = len(overlap.met)
    collected.counts["left out because they have no words"] = collected.without_text
    _require(collected, recipe)
    return collected


def _add_pairs(collected: TrainingExamples, overlap: _Overlap, recipe: Recipe) -> None:
    for name in recipe.data.pairs:
        seen: dict[str, int] = {}
        for image, text, product in _pairs(collected, name, overlap):
            seen[product] = seen.get(product, 0) + 1
            if recipe.images_each is None or seen[product] <= recipe.images_each:
                example = PairReference(image, text, product, _instruction(collected.parts[name], recipe), name)
                held = is_held_out(product, recipe.seed, recipe.held_out)
                (collected.held_pairs if held else collected.pairs).append(example)


def _instruction(part: TrainingPart, recipe: Recipe) -> str:
    """Return what a caption is asked with: one for all, or that of the task, or of its data set in Table 7."""
    if recipe.instruction is not None:
        return recipe.instruction
    return part.instruction or table7().get(part.dataset, "")


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


def _pairs(collected: TrainingExamples, name: str, overlap: _Overlap) -> list[tuple[str, str, str]]:
    data = collected.parts[name].data
    pairs: list[tuple[str, str, str]] = []
    for image, text, product, opener in _pairs_without_decoding(data):
        collected.without_text += not text.strip()
        if text.strip() and not overlap(image):
            collected.sources.setdefault(image, opener)
            pairs.append((image, text, product))
    return pairs


def _pairs_without_decoding(data: TrainingData) -> list[tuple[str, str, str, Callable[[], Image]]]:
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


def _opener(data: TrainingData, name: str) -> Callable[[], Image] | None:
    """Return what opens an image by itself; None where its training part does not say where it lies."""
    source = data.images.get(name)
    if source is None:
        return None

    def open_image() -> Image:
        item = opened(source)
        assert isinstance(item, ImageItem)  # noqa: S101
        return item.image

    return open_image


def _add_triplets(
    collected: TrainingExamples, name: str, captions: dict[str, tuple[str, str]], overlap: _Overlap, recipe: Recipe
) -> None:
    data = collected.parts[name].data
    names = getattr(data.triplets, "names", None)
    known = names or [(t.reference.id, t.text.text, t.target.id) for t in data.triplets]
    undescribed = 0
    for at, (reference, text, target) in enumerate(known):
        collected.without_text += not text.strip()
        # Both are asked, so that both are counted.
        if overlap(reference) | overlap(target) or not text.strip():
            continue
        # To open a triplet would be to open both images for the one that is wanted.
        by_triplet: tuple[tuple[str, Callable[[], Image]], ...] = (
            (reference, lambda at=at: data.triplets[at].reference.image),  # type: ignore[misc]
            (target, lambda at=at: data.triplets[at].target.image),  # type: ignore[misc]
        )
        for image, opener in by_triplet:
            collected.sources.setdefault(image, _opener(data, image) or opener)
        caption, instruction = captions.get(target, ("", ""))
        undescribed += not caption
        example = TripletReference(reference, text, target, caption, instruction)
        held = is_held_out(target, recipe.seed, recipe.held_out)
        (collected.held_triplets if held else collected.triplets).append(example)
    key = "triplets without a caption of the target"
    collected.counts[key] = collected.counts.get(key, 0) + undescribed


def _add_tryon_examples(collected: TrainingExamples, name: str, overlap: _Overlap, recipe: Recipe) -> None:
    data = collected.parts[name].data
    names = getattr(data.tryon_examples, "names", None)
    known = names or [(example.target.id, example.text, example.item.id) for example in data.tryon_examples]
    for at, (image, _, garment) in enumerate(known):
        if not overlap(image) | overlap(garment):
            held = is_held_out(garment, recipe.seed, recipe.held_out)
            (collected.held_tryon_examples if held else collected.tryon_examples).append(TryOnReference(at, name))


def _evenly(examples: Sequence[object], limit: int) -> list[object]:
    """Take examples from the whole list at even distances."""
    if len(examples) <= limit:
        return list(examples)
    return [examples[at * len(examples) // limit] for at in range(limit)]


def _require(collected: TrainingExamples, recipe: Recipe) -> None:
    for name, phase in recipe.phases.items():
        if not PHASES[phase.kind].requires_examples:
            continue
        kind = PHASES[phase.kind].example_kind
        for which in (kind, f"held_{kind}"):
            if not getattr(collected, which):
                msg = f"the phase {name} needs {which.replace('_', ' ')}, and there are none"
                raise DataError(msg, remedy=f"name tasks under data.{kind}, or larger data, or a larger held_out")

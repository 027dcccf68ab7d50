"""Batches of try-on and design examples."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fashionbench_unifashion.diffusion.conditions import Conditions, image_tensor, read_conditions, with_sketch
from fashionbench_unifashion.training.hue import turn_conditions, turn_hue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fashionbench_unifashion.diffusion.batch_rng import BatchRng
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import TrainingExamples, TryOnReference


@dataclass(frozen=True, slots=True)
class DecodedTryOn:
    """A try-on example whose images were opened, once for try-on and once for design where it can be one.

    :param image: of the person, float [1, 3, H, W] in [-1, 1].
    :param garment: pixels for the vision encoder, float [1, 3, S, S].
    :param sketch: pixels for the vision encoder, float [1, 3, S, S].
    """

    image: Tensor
    conditions: Conditions
    garment: Tensor
    text: str
    design: Conditions | None
    sketch: Tensor | None


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What is kept of a try-on example: what was opened, with tokens in the place of pixels for the vision encoder."""

    image: Tensor
    conditions: Conditions
    tokens: Tensor
    text: str
    design: Conditions | None
    sketch: Tensor | None


@dataclass(frozen=True, slots=True)
class TryOnBatch:
    """A batch.

    :param tokens: under the layer norm, of garments or sketches, [B, N, W].
    :param texts: the words of a design; empty for try-on.
    :param recoloured: whose hue was turned, bool [B]; their tokens tell of the colours before.
    """

    images: Tensor
    conditions: Conditions
    tokens: Tensor
    texts: list[str]
    recoloured: Tensor


class TryOnBatches:
    """Reads try-on examples once and makes batches of them.

    A try-on example with words and a sketch is try-on or design at random; the others are try-on alone.

    :param keep: whether what was read stays in memory.
    """

    def __init__(self, model: UniFashion, examples: TrainingExamples, *, keep: bool = True) -> None:
        self._model = model
        self._keep = keep
        self._examples = examples
        self._encoded: dict[TryOnReference, _Encoded] = {}
        self._decoded: dict[TryOnReference, DecodedTryOn] = {}

    def prepare(self, examples: Sequence[TryOnReference], advance: Callable[[int], object]) -> None:
        """Read try-on examples that were not read before; does nothing where they are not kept.

        A vision encoder that learns sees them anew in each phase.
        """
        if not self._keep:
            return
        if self._model.vision.trainable:
            self._encoded.clear()
        for example in examples:
            self._of(example)
            advance(1)

    def decode(self, examples: Iterable[TryOnReference]) -> dict[TryOnReference, DecodedTryOn]:
        """Open the images of examples that are not kept, each once, for :meth:`using`.

        It needs no weights, and changes nothing here.
        """
        return {example: self._opened(example) for example in dict.fromkeys(examples) if example not in self._encoded}

    @contextmanager
    def using(self, decoded: dict[TryOnReference, DecodedTryOn]) -> Iterator[None]:
        """Take examples that were opened before."""
        before, self._decoded = self._decoded, decoded
        try:
            yield
        finally:
            self._decoded = before

    def bound_to(self, model: UniFashion) -> TryOnBatches:
        """Return batches of the same examples for another copy of the model."""
        other = copy(self)
        vars(other).update(_model=model, _decoded={})
        return other

    def batch(self, examples: Sequence[TryOnReference], rng: BatchRng, *, mirror: bool, hue: float = 0.0) -> TryOnBatch:
        """Make a batch.

        :param hue: probability with which the hue of a try-on example is turned by a random angle.
        """
        draws = rng.uniform((len(examples), 2), torch.empty(0))
        colours = rng.uniform((len(examples), 2), torch.empty(0)) if hue else torch.ones(len(examples), 2)
        images, conditions, tokens, texts, recoloured = [], [], [], [], []
        turns = torch.zeros(len(examples))
        drawn = zip(examples, draws.tolist(), colours.tolist(), strict=True)
        for at, (example, (design_draw, flip_draw), (hue_draw, turn)) in enumerate(drawn):
            read = self._of(example)
            as_design = read.design is not None and read.sketch is not None and design_draw < 0.5
            chosen = read.design if as_design and read.design is not None else read.conditions
            flip = mirror and flip_draw < 0.5
            image, condition = _turned(read.image, flip), _turned_conditions(chosen, flip)
            # The words of a design name its colours.
            recoloured.append(not as_design and hue_draw < hue)
            turns[at] = turn if recoloured[-1] else 0
            images.append(image)
            conditions.append(condition)
            tokens.append(read.sketch if as_design and read.sketch is not None else read.tokens)
            texts.append(read.text if as_design else "")
        device = self._model.device
        # In single precision before they are joined: autocast to bfloat16 joins no halves.
        stacked = self._model.vision.normalise(torch.cat([part.float() for part in tokens]).to(device))
        marked = torch.tensor(recoloured, device=device)
        shown, joined = torch.cat(images).to(device), _joined(conditions).to(device)
        if any(recoloured):
            shown, joined = turn_hue(shown, turns), turn_conditions(joined, turns)
        return TryOnBatch(shown, joined, stacked, texts, marked)

    def states(self, tryon_batch: TryOnBatch) -> Tensor:
        """Read what is to be worn with the Q-Former: a garment by itself, a sketch together with its words."""
        return garment_states(self._model, tryon_batch.tokens, tryon_batch.texts)

    def vae_images(self, examples: Sequence[TryOnReference], first: int = 0) -> Tensor:
        """Return everything of try-on examples that the VAE has to encode, one image an example in turn.

        :param first: the number of the first example in its batch.
        """
        chosen = []
        for at, example in enumerate(examples, first):
            read = self._of(example)
            kinds = [read.image, read.conditions.agnostic, read.image, read.conditions.densepose]
            kinds += [
                read.conditions.hint,
                read.conditions.warped,
                read.design.hint if read.design is not None else None,
            ]
            known = [kind for kind in kinds if kind is not None]
            chosen.append(known[at % len(known)])
        return torch.cat(chosen).to(self._model.device)

    @torch.no_grad()
    def _of(self, example: TryOnReference) -> _Encoded:
        if example in self._encoded:
            return self._encoded[example]
        opened = self._decoded[example] if example in self._decoded else self._opened(example)
        encoded = _Encoded(
            opened.image,
            opened.conditions,
            self._tokens(opened.garment),
            opened.text,
            opened.design,
            None if opened.sketch is None else self._tokens(opened.sketch),
        )
        if self._keep:
            self._encoded[example] = encoded
        return encoded

    def _opened(self, example: TryOnReference) -> DecodedTryOn:
        model = self._model
        assert model.diffusion is not None  # noqa: S101
        config = model.diffusion.config
        tryon_example = self._examples.tryon_example(example)
        item = tryon_example.item
        conditions = read_conditions([item], config)
        design = sketch = None
        if tryon_example.text and tryon_example.sketch is not None:
            design = with_sketch(item, conditions, tryon_example.sketch.image, config)
            sketch = model.transform.batch([tryon_example.sketch.image])
        return DecodedTryOn(
            image_tensor(tryon_example.target.image, config.width, config.height)[None],
            conditions,
            model.transform.batch([item.garment]),
            tryon_example.text,
            design,
            sketch,
        )

    def _tokens(self, pixels: Tensor) -> Tensor:
        return self._model.vision.encode(pixels.to(self._model.device)).half().cpu()


def garment_states(model: UniFashion, tokens: Tensor, texts: Sequence[str]) -> Tensor:
    """Read garments by themselves, and sketches together with their words, as states [B, Q, H]."""
    states = model.qformer.image(tokens, "reference")
    worded = [at for at, text in enumerate(texts) if text]
    if worded:
        cut = model.texts([texts[at] for at in worded])
        states = states.clone()
        states[worded] = model.qformer.fused(tokens[worded], cut.ids, cut.mask, "reference").queries
    return states


def _turned(image: Tensor, flip: bool) -> Tensor:  # noqa: FBT001
    return image.flip(-1) if flip else image


def _turned_conditions(one: Conditions, flip: bool) -> Conditions:  # noqa: FBT001
    if not flip:
        return one
    # A mirrored pose keeps the colours of its parts: they tell left from right, and the model learns both.
    images = {name: getattr(one, name) for name in ("agnostic", "keep", "densepose", "hint", "warped")}
    flipped: dict[str, Any] = {name: None if image is None else image.flip(-1) for name, image in images.items()}
    return replace(one, **flipped)


def _joined(rows: Sequence[Conditions]) -> Conditions:
    def joined(name: str) -> Tensor | None:
        known = [part for row in rows if (part := getattr(row, name)) is not None]
        return torch.cat(known) if len(known) == len(rows) else None

    return Conditions(**{field.name: joined(field.name) for field in fields(Conditions)})  # type: ignore[arg-type]

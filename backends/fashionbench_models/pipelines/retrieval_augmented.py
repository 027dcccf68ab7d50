"""Retrieval-augmented captions: a captioner is shown the captions of the most similar training photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import BackendError
from fashionbench_models.pipelines.options import RetrievalAugmentedOptions, filled
from fashionbench_models.pipelines.parts import captioner, open_model
from fashionbench_models.question import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ImageItem
    from fashionbench.data.training_examples import Pair, TrainingData
    from fashionbench.specs.capabilities import BackendContext

_CHUNK = 32


class RetrievalAugmentedCaptioner:
    """A captioner whose prompt holds captions of the training photos that are nearest by cosine.

    Of a photo with several captions the first counts, and a caption that was shown already makes room for that of the
    next photo. The nearest are taken from the training part that ``fit`` is given, and from nowhere else.

    :ivar preprocessing: the prompt, and how many captions were shown from how many photos, for the record.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = RetrievalAugmentedOptions.read(context.options)
        self._encoder, spec = open_model(self.options.encoder, self.options, context, {"encode-image"}, "encoder")
        self._writer = captioner(self.options, context, instructed=True)
        self.parameters = sum(int(getattr(one, "parameters", 0)) for one in (self._encoder, self._writer))
        self._encoder_name = spec.id
        self._rows: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._captions: list[str] = []
        self._shown = self._asked = 0
        self.preprocessing: dict[str, str] = {}

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Keep features and captions of the training photos.

        :raises BackendError: where there is no pair of image and text.
        """
        rows: list[NDArray[np.float32]] = []
        self._captions = []
        for chunk in _chunks(training.pairs):
            if chunk:
                rows.append(self._features([pair.image for pair in chunk]))
                self._captions += [pair.text.text for pair in chunk]
        if not rows:
            msg = f"the training part of {training.fold!r} has no pairs of image and text"
            raise BackendError(msg, remedy="use a task whose training data has pairs")
        self._rows = np.concatenate(rows)

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:
        """Describe each image.

        :raises BackendError: before ``fit``.
        """
        if not self._captions:
            raise BackendError("the captioner was asked before it had examples", remedy="call fit() first")
        told = self.options.prompt or instruction
        nearest = [self._nearest(row) for row in self._features(items)] if items else []
        questions = []
        for item, captions in zip(items, nearest, strict=True):
            shown = "\n".join(f"- {one}" for one in captions)
            prompt = filled(self.options.template, examples=shown, instruction=told)
            questions.append(Question(item.id, prompt, item.image))
            self._shown, self._asked = self._shown + len(captions), self._asked + 1
        try:
            return self._writer.write(questions)
        finally:
            facts = self._writer.facts(filled(self.options.template, instruction=told))
            self.preprocessing = {
                **{f"captioner: {name}": text for name, text in facts.items()},
                "examples": f"different captions of the nearest of {len(self._captions)} training photos, most similar "
                f"first, by cosine of the features of {self._encoder_name}",
                "examples shown": f"{self._shown} for {self._asked} images",
            }

    def _nearest(self, row: NDArray[np.float32]) -> list[str]:
        found: dict[str, None] = {}
        for at in np.argsort(-(self._rows @ row), kind="stable"):
            found.setdefault(self._captions[at])
            if len(found) == self.options.examples:
                break
        return list(found)

    def _features(self, items: Sequence[ImageItem]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = np.asarray(self._encoder.encode_images(items, "candidate"), dtype=np.float32)
        rows = rows.reshape(len(rows), -1)
        # A feature of zeros has no direction, and is as near to one photo as to another.
        directions: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
        return directions


def _chunks(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Go through the training pairs, each image once."""
    seen: set[str] = set()
    for start in range(0, len(pairs), _CHUNK):
        chunk = []
        for at in range(start, min(start + _CHUNK, len(pairs))):
            pair = pairs[at]
            if pair.image.id not in seen and pair.text.text.strip():
                seen.add(pair.image.id)
                chunk.append(pair)
        yield chunk

"""Captioning by the nearest neighbour: the caption of the most similar training image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fashionbench.errors import BackendError
from fashionbench_baselines.captioning.options import NearestCaptionOptions
from fashionbench_baselines.captioning.training_captions import no_pairs, not_fitted
from fashionbench_baselines.encoders.chunks import chunks
from fashionbench_baselines.options import read_options
from fashionbench_baselines.retrieval.colour_histogram import ColourHistogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ImageItem
    from fashionbench.data.training_examples import Pair, TrainingData
    from fashionbench.specs.capabilities import BackendContext

    Floats = NDArray[np.float32]


class Encoder(Protocol):
    """Image encoder of the nearest-neighbour search."""

    def features(self, items: Sequence[ImageItem]) -> Floats:
        """Describe images by vectors [B, D] whose direction counts."""
        ...

    def mean(self, rows: Floats) -> Floats | None:
        """Return what is subtracted from all vectors, [D], given those of the training images [N, D]; or None."""
        ...


class NearestCaption:
    """The caption of the training image that is nearest by cosine; of equally near ones, of the first.

    An image that has several captions in the training data gives its first. This is what a captioner must beat before
    it is said to describe what it sees. It keeps one float32 vector a training image, 5 kB with the encoder ``pocket``.

    The option ``encoder`` is ``pocket`` (EfficientNet-Lite0, as in :mod:`fashionbench_baselines.retrieval.lit`) or
    ``colour`` (the histogram of :mod:`fashionbench_baselines.retrieval.colour_histogram`, no further package).

    :raises UnknownNameError: on another option or encoder.
    """

    def __init__(self, context: BackendContext) -> None:
        options = read_options(NearestCaptionOptions, context.options)
        self._encoder = _ENCODERS[options.encoder](context)
        self._rows: Floats | None = None
        self._mean: Floats | None = None
        self._captions: list[str] = []

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Keep vectors and captions of the training images.

        :raises BackendError: where there is no pair of image and text.
        """
        seen: set[str] = set()
        parts: list[Floats] = []
        self._captions = []
        for chunk in chunks(training.pairs):
            pairs = [pair for pair in chunk if _is_new(pair, seen)]
            if pairs:
                parts.append(self._encoder.features([pair.image for pair in pairs]))
                self._captions += [pair.text.text for pair in pairs]
        if not parts:
            raise no_pairs(training)
        rows = np.concatenate(parts)
        self._mean = self._encoder.mean(rows)
        self._rows = np.stack([self._direction(row) for row in rows])

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Give each image its neighbour's caption; the instruction is not looked at.

        :raises BackendError: before ``fit``.
        """
        if self._rows is None:
            raise not_fitted("baseline/nearest-caption")
        if not items:
            return []
        # One product an image: in a batch, last bits and so ties would depend on the others.
        nearest = [int(np.argmax(self._rows @ self._direction(row))) for row in self._encoder.features(items)]
        return [self._captions[index] for index in nearest]

    def _direction(self, row: Floats) -> Floats:
        if self._mean is not None:
            row = row - self._mean
        norm = float(np.linalg.norm(row))
        # A vector without a direction is as near to one image as to another.
        direction: Floats = row / norm if norm else row
        return direction


class ColourEncoder:
    """Colour histograms, compared as they are."""

    def __init__(self, context: BackendContext) -> None:
        self._model = ColourHistogram(replace(context, options={}))

    def features(self, items: Sequence[ImageItem]) -> Floats:
        """Count the colours of each image, as [B, 800]."""
        return self._model.encode_images(items, "query")

    def mean(self, rows: Floats) -> None:  # noqa: ARG002
        """Subtract nothing."""
        return


class EfficientNetEncoder:
    """Square roots of the features of EfficientNet-Lite0, centred on the training images.

    :raises BackendError: where a package is missing.
    """

    def __init__(self, context: BackendContext) -> None:
        try:
            from fashionbench_baselines.encoders.frozen_images import FrozenImageEncoder  # noqa: PLC0415
        except ImportError as error:
            msg = f"the encoder pocket needs packages that are not installed: {error}"
            raise BackendError(
                msg, remedy='pip install "fashionbench[pocket]", or the option encoder=colour'
            ) from error
        self._images = FrozenImageEncoder(context)

    def features(self, items: Sequence[ImageItem]) -> Floats:
        """Encode each image, as [B, 1280]."""
        # The square root keeps a few strong channels from deciding alone, as in RootSIFT; none is negative.
        rows: Floats = np.sqrt(self._images.features(items))
        return rows

    def mean(self, rows: Floats) -> Floats | None:
        """Average the training images; of one image nothing would remain."""
        return rows.mean(axis=0, dtype=np.float64).astype(np.float32) if len(rows) > 1 else None


_ENCODERS: dict[str, Callable[[BackendContext], Encoder]] = {"pocket": EfficientNetEncoder, "colour": ColourEncoder}


def _is_new(pair: Pair, seen: set[str]) -> bool:
    """Tell whether an image stands in the training data for the first time."""
    if pair.image.id in seen:
        return False
    seen.add(pair.image.id)
    return True

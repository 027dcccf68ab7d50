"""Captions without a language model: borrowed from the nearest training image, or from nothing at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench_baselines.controls.random import Constant, Oracle
from fashionbench_baselines.controls.unit_vectors import uniform
from fashionbench_baselines.retrieval.colour_histogram import ColourHistogram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import ImageItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext

    Floats = NDArray[np.float32]

#: What :class:`Constant` says where the option ``text`` says nothing else.
TEXT = "a garment"


class Encoder(Protocol):
    """Where images are compared."""

    def features(self, item: ImageItem) -> Floats:
        """Describe an image by a vector [D] whose direction counts."""
        ...

    def centred(self, rows: Floats) -> Floats | None:
        """Return what is subtracted of all vectors, [D], given those of the training images [N, D]; or None."""
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
        name = _only(context.options, "encoder").get("encoder", "pocket")
        if name not in _ENCODERS:
            raise UnknownNameError("encoder", str(name), _ENCODERS)
        self._encoder = _ENCODERS[name](context)
        self._rows: Floats | None = None
        self._mean: Floats | None = None
        self._captions: list[str] = []

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Keep vectors and captions of the training images.

        :raises BackendError: where there is no pair of image and text.
        """
        rows: dict[str, Floats] = {}
        self._captions = []
        for pair in training.pairs:
            if pair.image.id not in rows:
                rows[pair.image.id] = self._encoder.features(pair.image)
                self._captions.append(pair.text.text)
        if not rows:
            raise _no_pairs(training)
        stacked = np.stack(list(rows.values()))
        self._mean = self._encoder.centred(stacked)
        self._rows = np.stack([self._direction(row) for row in stacked])

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Give each image its neighbour's caption; the instruction is not looked at.

        :raises BackendError: before ``fit``.
        """
        if self._rows is None:
            raise _not_fitted("baseline/nearest-caption")
        # One product an image: in a batch, last bits and so ties would depend on the others.
        nearest = [int(np.argmax(self._rows @ self._direction(self._encoder.features(item)))) for item in items]
        return [self._captions[at] for at in nearest]

    def _direction(self, row: Floats) -> Floats:
        if self._mean is not None:
            row = row - self._mean
        norm = float(np.linalg.norm(row))
        # A vector without a direction is as near to one image as to another.
        direction: Floats = row / norm if norm else row
        return direction


class ConstantWithCaption(Constant):
    """One vector, and one caption, for everything; the option ``text`` is the caption."""

    def __init__(self, context: BackendContext) -> None:
        super().__init__(replace(context, options={}))
        text = _only(context.options, "text").get("text", TEXT)
        if not isinstance(text, str):
            raise ConfigError(f"the option text is {text!r}", remedy="give it a caption")
        self._text = text

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Repeat the caption."""
        return [self._text] * len(items)


class OracleWithCaption(Oracle):
    """The truth as embeddings, and as captions: each image's first reference."""

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._captions: Mapping[str, str] = {}

    def reveal(self, truth: Truth) -> None:
        """Take the truth of the items to come.

        :raises BackendError: as :meth:`Oracle.reveal` does.
        """
        super().reveal(truth)
        self._captions = truth.captions

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Say the reference.

        :raises BackendError: before ``reveal``, or where the truth has no caption of an image.
        """
        self._revealed()
        unknown = [item.id for item in items if item.id not in self._captions]
        if unknown:
            raise BackendError(f"the oracle was shown no caption of {', '.join(unknown[:5])}")
        return [self._captions[item.id] for item in items]


class FrequentCaption:
    """The most frequent caption of the training data for everything; of equally frequent ones, the first."""

    def __init__(self, context: BackendContext) -> None:
        _only(context.options)
        self._text: str | None = None

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Count the captions, each once an image.

        :raises BackendError: where there is no pair of image and text.
        """
        self._text = Counter(_texts(training)).most_common(1)[0][0]

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Repeat it.

        :raises BackendError: before ``fit``.
        """
        if self._text is None:
            raise _not_fitted("control/frequent-caption")
        return [self._text] * len(items)


class RandomCaption:
    """A caption of the training data by chance: written in the right style, of the wrong image.

    Drawn from the seed and the id of the image, so that it depends on no batch and no order; a caption that occurs more
    often is drawn more often.
    """

    def __init__(self, context: BackendContext) -> None:
        _only(context.options)
        self._seed = context.seed
        self._texts: list[str] = []

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Keep the captions.

        :raises BackendError: where there is no pair of image and text.
        """
        self._texts = _texts(training)

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Draw a caption for each image.

        :raises BackendError: before ``fit``.
        """
        if not self._texts:
            raise _not_fitted("control/random-caption")
        draws = [1.0 - uniform(1, self._seed, "caption", item.id)[0] for item in items]  # in [0, 1)
        return [self._texts[int(draw * len(self._texts))] for draw in draws]


class _Colour:
    def __init__(self, context: BackendContext) -> None:
        self._model = ColourHistogram(replace(context, options={}))

    def features(self, item: ImageItem) -> Floats:
        row: Floats = self._model.encode_images([item], "query")[0]
        return row

    def centred(self, rows: Floats) -> None:  # noqa: ARG002
        """Histograms are compared as they are."""
        return


class _Pocket:
    def __init__(self, context: BackendContext) -> None:
        try:
            import torch  # noqa: PLC0415

            from fashionbench_baselines.encoders import efficientnet  # noqa: PLC0415
            from fashionbench_baselines.encoders.feature_cache import FeatureCache  # noqa: PLC0415
        except ImportError as error:
            msg = f"the encoder pocket needs packages that are not installed: {error}"
            raise BackendError(
                msg, remedy='pip install "fashionbench[pocket]", or the option encoder=colour'
            ) from error
        self._images = efficientnet.ImageEncoder(context.device)
        where = f"{torch.device(context.device).type}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        encoder = f"{efficientnet.SHA256}, {efficientnet.PREPROCESSING}, {where}"
        self._cache = FeatureCache(context.cache / "efficientnet-lite0", encoder, efficientnet.FEATURES)

    def features(self, item: ImageItem) -> Floats:
        # The square root keeps a few strong channels from deciding alone, as in RootSIFT; none is negative.
        return np.sqrt(self._cache.features(item, self._images.features))

    def centred(self, rows: Floats) -> Floats | None:
        # Of one image nothing would remain.
        return rows.mean(axis=0, dtype=np.float64).astype(np.float32) if len(rows) > 1 else None


_ENCODERS: dict[Any, Callable[[BackendContext], Encoder]] = {"pocket": _Pocket, "colour": _Colour}


def _texts(training: TrainingData) -> list[str]:
    texts = [pair.text.text for pair in training.pairs]
    if not texts:
        raise _no_pairs(training)
    return texts


def _only(options: Mapping[str, Any], *known: str) -> Mapping[str, Any]:
    for name in options:
        if name not in known:
            raise UnknownNameError("option", name, known)
    return options


def _no_pairs(training: TrainingData) -> BackendError:
    msg = f"the training part of {training.fold!r} has no pairs of image and text"
    return BackendError(msg, remedy="use a task whose training data has pairs, or a backend that does not fit")


def _not_fitted(name: str) -> BackendError:
    return BackendError(f"{name} was asked before it had learnt", remedy="call fit() with training data first")

"""Composed retrieval without a composition model: image alone, text alone, and their sum by ridge regression."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.canonical import digest
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.errors import BackendError
from fashionbench_baselines.composed.options import RidgeOptions
from fashionbench_baselines.encoders.chunks import chunks
from fashionbench_baselines.options import read_options

try:
    import torch

    from fashionbench.extractors import minilm
    from fashionbench_baselines.encoders import efficientnet
    from fashionbench_baselines.encoders.frozen_images import FrozenImageEncoder
    from fashionbench_baselines.encoders.frozen_texts import FrozenTextEncoder
except ImportError as error:
    _MSG = f"the composed baselines need packages that are not installed: {error}"
    raise BackendError(_MSG, remedy='pip install "fashionbench[pocket]"') from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float64]


class RidgeComposed:
    """Frozen EfficientNet-Lite0 and MiniLM, and ridge regression from texts to image features, on training triplets.

    Image features are square roots, centred on the training images and of norm 1, the space of every gallery. The
    option ``use`` says what a query is:

    * ``image``: the features of the reference; what a query is worth without its text;
    * ``text``: the features that ridge regression predicts for the target from the text alone;
    * ``sum``: the reference plus the predicted difference of target and reference.

    The option ``ridge`` weighs the penalty, in units of the mean squared norm of the texts.

    :raises UnknownNameError: on another option, or another use.
    :raises ConfigError: where ``ridge`` is no positive number.
    """

    def __init__(self, context: BackendContext) -> None:
        self._options = read_options(RidgeOptions, context.options)
        self._images = FrozenImageEncoder(context)
        self._texts = FrozenTextEncoder(context)
        self._device = torch.device(context.device).type
        self._mean: Floats | None = None
        self._map: Floats = np.zeros((minilm.FEATURES + 1, efficientnet.FEATURES))

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Centre the images, and regress targets (or differences) on texts; closed form, so no seed is used.

        :raises BackendError: where there are no triplets.
        """
        if not training.triplets:
            msg = f"the training part of {training.fold!r} has no triplets"
            raise BackendError(msg, remedy="use a composed retrieval task, or a backend that does not fit")
        references: list[Floats] = []
        targets: list[Floats] = []
        texts: list[Floats] = []
        for chunk in chunks(training.triplets):
            references += [*self._raw([triplet.reference for triplet in chunk])]
            targets += [*self._raw([triplet.target for triplet in chunk])]
            if self._options.use != "image":
                texts += [*self._text([triplet.text for triplet in chunk])]
        self._mean = np.mean(np.stack([*references, *targets]), axis=0, dtype=np.float64)
        if self._options.use == "image":
            return
        before, after = (np.stack([self._direction(row) for row in rows]) for rows in (references, targets))
        wanted = after if self._options.use == "text" else after - before
        known: Floats = np.stack(texts)
        gram = known.T @ known
        gram[np.diag_indices_from(gram)] += self._options.ridge * len(known) / known.shape[1]
        self._map = np.asarray(np.linalg.solve(gram, known.T @ wanted), dtype=np.float64)

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, 1280], the same for both roles.

        :raises BackendError: before ``fit``.
        """
        return np.stack([self._direction(row) for row in self._raw(items)]).astype(np.float32)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Embed composed queries as [B, 1280].

        :raises BackendError: before ``fit``.
        """
        self._ready()
        queries = np.zeros((len(items), efficientnet.FEATURES))
        if self._options.use != "text":
            references = self._raw([ImageItem(item.id, item.image) for item in items])
            queries += np.stack([self._direction(row) for row in references])
        if self._options.use != "image":
            texts = self._text([TextItem(item.id, item.text) for item in items])
            # One product a text: in a batch, last bits would depend on the others.
            queries += np.stack([row @ self._map for row in texts])
        return queries.astype(np.float32)

    def fingerprint(self) -> str:
        """Hash encoders, option and what was learnt.

        :raises BackendError: before ``fit``.
        """
        learnt = hashlib.sha256(self._ready().tobytes() + self._map.tobytes()).hexdigest()
        encoders = [efficientnet.SHA256, efficientnet.PREPROCESSING, minilm.SHA256, minilm.PREPROCESSING]
        return digest([encoders, self._options.use, self._options.ridge, learnt, self._device, torch.__version__])

    def _raw(self, items: Sequence[ImageItem]) -> Floats:
        return np.sqrt(self._images.features(items).astype(np.float64))

    def _text(self, items: Sequence[TextItem]) -> Floats:
        features = self._texts.features(items).astype(np.float64)
        # The last entry is constant, so that a mean shift needs no direction of the text.
        return np.hstack([features, np.ones((len(features), 1))])

    def _direction(self, row: Floats) -> Floats:
        centred = row - self._ready()
        norm = float(np.linalg.norm(centred))
        direction: Floats = centred / norm if norm > 0 else centred
        return direction

    def _ready(self) -> Floats:
        if self._mean is None:
            raise BackendError("a composed baseline was asked before it had learnt", remedy="call fit() first")
        return self._mean

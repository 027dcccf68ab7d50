"""Composed retrieval by a Combiner on frozen EfficientNet-Lite0 and MiniLM, fitted to a task or trained before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.canonical import digest
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.errors import BackendError
from fashionbench.files import expanded
from fashionbench_baselines.composed.options import CombinerOptions, TrainedCombinerOptions
from fashionbench_baselines.encoders.chunks import chunks
from fashionbench_baselines.options import read_options

try:
    import torch

    from fashionbench_baselines.composed.combiner_model import ENCODERS, CombinerModel, load
    from fashionbench_baselines.encoders.frozen_images import FrozenImageEncoder
    from fashionbench_baselines.encoders.frozen_texts import FrozenTextEncoder
except ImportError as error:
    _MSG = f"the Combiner needs packages that are not installed: {error}"
    raise BackendError(_MSG, remedy='pip install "fashionbench[pocket]"') from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem
    from fashionbench.data.training_examples import TrainingData, Triplet
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float64]


class FrozenFeatures:
    """The features that a Combiner is given: square roots of the image features, and those of the texts."""

    def __init__(self, context: BackendContext) -> None:
        self._images = FrozenImageEncoder(context)
        self._texts = FrozenTextEncoder(context)

    def images(self, items: Sequence[ImageItem]) -> Floats:
        """Return [B, 1280]."""
        return np.sqrt(self._images.features(items).astype(np.float64))

    def texts(self, items: Sequence[TextItem]) -> Floats:
        """Return [B, 384]."""
        return self._texts.features(items).astype(np.float64)

    def triplets(self, triplets: Sequence[Triplet]) -> tuple[Floats, Floats, Floats]:
        """Return the features of references, texts and targets; images of one chunk are in memory at a time."""
        rows: tuple[list[Floats], list[Floats], list[Floats]] = ([], [], [])
        for chunk in chunks(triplets):
            rows[0].append(self.images([triplet.reference for triplet in chunk]))
            rows[1].append(self.texts([triplet.text for triplet in chunk]))
            rows[2].append(self.images([triplet.target for triplet in chunk]))
        references, texts, targets = (np.concatenate(side) for side in rows)
        return references, texts, targets


class _Combining:
    """Encodes images and composed queries by a Combiner."""

    def __init__(self, context: BackendContext) -> None:
        self._features = FrozenFeatures(context)
        self._device = torch.device(context.device).type
        self._model: CombinerModel | None = None

    @property
    def preprocessing(self) -> dict[str, str]:
        """How queries are made, for the record."""
        return {"composed queries": f"a Combiner that learnt for {self._model.steps} steps"} if self._model else {}

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, 1280], the same for both roles.

        :raises BackendError: before ``fit``.
        """
        return self._ready().images(self._features.images(items))

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Embed composed queries as [B, 1280].

        :raises BackendError: before ``fit``.
        """
        images = self._features.images([ImageItem(item.id, item.image) for item in items])
        return self._ready().queries(images, self._features.texts([TextItem(item.id, item.text) for item in items]))

    def fingerprint(self) -> str:
        """Hash encoders and what was learnt.

        :raises BackendError: before ``fit``.
        """
        learnt = hashlib.sha256()
        for name, value in sorted(self._ready().tensors().items()):
            learnt.update(name.encode() + value.contiguous().numpy().tobytes())
        return digest([ENCODERS, learnt.hexdigest(), self._device, torch.__version__])

    def _ready(self) -> CombinerModel:
        if self._model is None:
            raise BackendError("baseline/combiner was asked before it had learnt", remedy="call fit() first")
        return self._model


class FittedCombiner(_Combining):
    """A Combiner that learns from the task's own training triplets."""

    def __init__(self, context: BackendContext) -> None:
        self._options = read_options(CombinerOptions, context.options)
        super().__init__(context)

    def fit(self, training: TrainingData, seed: int) -> None:
        """Train on the triplets.

        :raises BackendError: where there are none, or all have one target.
        """
        if not training.triplets:
            msg = f"the training part of {training.fold!r} has no triplets"
            raise BackendError(msg, remedy="use a composed retrieval task, or a backend that does not fit")
        references, texts, targets = self._features.triplets(training.triplets)
        known = getattr(training.triplets, "names", None)
        names = [name for _, _, name in known] if known else [triplet.target.id for triplet in training.triplets]
        self._model = CombinerModel.fit(references, texts, targets, names, self._options, seed)


class TrainedCombiner(_Combining):
    """A Combiner that ``fashionbench train baseline-combiner`` wrote.

    :raises BackendError: where the folder holds none.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._model = load(expanded(read_options(TrainedCombinerOptions, context.options).model))

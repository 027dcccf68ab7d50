"""Composed queries without a composition model: the image alone, the text alone, and their sum."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.canonical import digest
from fashionbench.errors import BackendError, ConfigError, UnknownNameError

try:
    import torch

    from fashionbench_baselines.encoders import efficientnet, minilm
    from fashionbench_baselines.encoders.feature_cache import FeatureCache
except ImportError as error:
    _MSG = f"the composed baselines need packages that are not installed: {error}"
    raise BackendError(_MSG, remedy='pip install "fashionbench[pocket]"') from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem, ImageItem, TextItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float64]

USES = ("image", "text", "sum")


class PocketComposed:
    """Frozen EfficientNet-Lite0 and MiniLM, and ridge regression from texts to image features, on training triplets.

    Image features are square roots, centred on the training images and of norm 1, the space of every gallery. The
    option ``use`` says what a query is:

    * ``image``: the features of the reference; what a query is worth without its text;
    * ``text``: the features that ridge regression predicts for the target from the text alone;
    * ``sum``: the reference plus the predicted difference of target and reference.

    The option ``ridge`` weighs the penalty, in units of the mean squared norm of the texts.

    :raises UnknownNameError: on another option or use.
    :raises ConfigError: where ``ridge`` is no positive number.
    """

    def __init__(self, context: BackendContext) -> None:
        options = {"use": "sum", "ridge": 0.1, **context.options}
        for name in options.keys() - {"use", "ridge"}:
            raise UnknownNameError("option", name, ("use", "ridge"))
        self._use, self._ridge = str(options["use"]), float(options["ridge"])
        if self._use not in USES:
            raise UnknownNameError("use", self._use, USES)
        if not self._ridge > 0:
            raise ConfigError(f"ridge is {self._ridge}", remedy="give a positive number")
        self._images = efficientnet.ImageEncoder(context.device)
        self._texts = minilm.TextEncoder(context.device)
        self._device = torch.device(context.device).type
        threads = f"{self._device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        encoder = f"{efficientnet.SHA256}, {efficientnet.PREPROCESSING}, {threads}"
        self._cache = FeatureCache(context.cache / "efficientnet-lite0", encoder, efficientnet.FEATURES)
        self._mean: Floats | None = None
        self._map: Floats = np.zeros((minilm.FEATURES + 1, efficientnet.FEATURES))

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Centre the images, and regress targets (or differences) on texts; closed form, so no seed is used.

        :raises BackendError: where there are no triplets.
        """
        if not training.triplets:
            msg = f"the training part of {training.fold!r} has no triplets"
            raise BackendError(msg, remedy="use a composed retrieval task, or a backend that does not fit")
        references, targets, texts = [], [], []
        for triplet in training.triplets:
            references.append(self._raw(triplet.reference))
            targets.append(self._raw(triplet.target))
            texts.append(self._text(triplet.text))
        self._mean = np.mean(np.stack([*references, *targets]), axis=0, dtype=np.float64)
        before, after = (np.stack([self._direction(row) for row in rows]) for rows in (references, targets))
        wanted = after if self._use == "text" else after - before
        known: Floats = np.stack(texts)
        gram = known.T @ known
        gram[np.diag_indices_from(gram)] += self._ridge * len(known) / known.shape[1]
        self._map = np.asarray(np.linalg.solve(gram, known.T @ wanted), dtype=np.float64)

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, 1280], the same for both roles.

        :raises BackendError: before ``fit``.
        """
        return np.stack([self._direction(self._raw(item)) for item in items]).astype(np.float32)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Embed composed queries as [B, 1280].

        :raises BackendError: before ``fit``.
        """
        return np.stack([self._query(item) for item in items]).astype(np.float32)

    def fingerprint(self) -> str:
        """Hash encoders, option and what was learnt.

        :raises BackendError: before ``fit``.
        """
        learnt = hashlib.sha256(self._ready().tobytes() + self._map.tobytes()).hexdigest()
        encoders = [efficientnet.SHA256, efficientnet.PREPROCESSING, minilm.SHA256, minilm.PREPROCESSING]
        return digest([encoders, self._use, self._ridge, learnt, self._device, torch.__version__])

    def _query(self, item: ComposedItem) -> Floats:
        from fashionbench.data.items import ImageItem, TextItem  # noqa: PLC0415

        reference = self._direction(self._raw(ImageItem(item.id, item.image)))
        if self._use == "image":
            return reference
        said: Floats = self._text(TextItem(item.id, item.text)) @ self._map
        return said if self._use == "text" else reference + said

    def _raw(self, item: ImageItem) -> Floats:
        return np.sqrt(self._cache.features(item, self._images.features).astype(np.float64))

    def _text(self, item: TextItem) -> Floats:
        # The last entry is constant, so that a mean shift needs no direction of the text.
        return np.append(self._texts.features(item).astype(np.float64), 1.0)

    def _direction(self, row: Floats) -> Floats:
        centred = row - self._ready()
        norm = float(np.linalg.norm(centred))
        found: Floats = centred / norm if norm > 0 else centred
        return found

    def _ready(self) -> Floats:
        if self._mean is None:
            raise BackendError("a composed baseline was asked before it had learnt", remedy="call fit() first")
        return self._mean

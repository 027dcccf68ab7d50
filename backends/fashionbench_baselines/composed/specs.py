"""The composed retrieval baselines as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.specs import BackendSpec
from fashionbench_baselines.composed.options import RidgeOptions
from fashionbench_baselines.encoders.pretraining import PACKAGES, TRAINING_DATA


def _ridge(backend: str, use: str, summary: str) -> BackendSpec:
    return BackendSpec(
        id=backend,
        summary=summary,
        target="fashionbench_baselines.composed.ridge:RidgeComposed",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
        control=backend.startswith("control/"),
        fits=True,
        learns_from=frozenset({"triplets"}),
        extra="pocket",
        packages=PACKAGES,
        training_data=TRAINING_DATA,
        options=asdict(RidgeOptions(use=use)),
    )


BACKENDS: tuple[BackendSpec, ...] = (
    _ridge("control/pocket-image-only", "image", "composed queries by the reference image alone"),
    _ridge(
        "control/pocket-text-only", "text", "composed queries by the text alone: ridge regression to image features"
    ),
    _ridge("baseline/pocket-sum", "sum", "the reference image plus what ridge regression makes of the text"),
)

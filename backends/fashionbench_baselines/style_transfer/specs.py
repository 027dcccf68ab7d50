"""The baselines of style transfer as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.specs import BackendSpec
from fashionbench_baselines.style_transfer.options import ColourOptions

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="baseline/colour-statistics",
        summary="the garment with the mean and spread of the style's colours in CIELAB; of words alone, as it is",
        target="fashionbench_baselines.style_transfer.colour_statistics:ColourStatistics",
        revision="1",
        stateless=True,
        capabilities=frozenset({"style-transfer"}),
        options=asdict(ColourOptions()),
    ),
)

"""The try-on baselines as specifications."""

from __future__ import annotations

from dataclasses import asdict

from fashionbench.specs import BackendSpec
from fashionbench_baselines.try_on.options import WarpOptions

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        id="baseline/tps-warp",
        summary="the flat garment warped into the agnostic mask by a thin-plate spline between both contours",
        target="fashionbench_baselines.try_on.tps_warp:ThinPlateSplineWarp",
        revision="1",
        stateless=True,
        capabilities=frozenset({"try-on"}),
        options=asdict(WarpOptions()),
    ),
)

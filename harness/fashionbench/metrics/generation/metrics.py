"""Distances between sets of pictures, and similarities to a truth, as metric targets on ``images/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.generation.pairwise import CLIP
from fashionbench.predictions.images import facts_of, features_of, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

#: Below this many pictures a Fréchet distance is no headline: the covariance of 2,048 features is singular.
FEW = 10_000
_NORMAL = 1.959964


def _fid(extractor: str) -> Callable[[pa.Table, MetricArguments], Outcome]:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
        from fashionbench.metrics.generation.frechet import Moments, frechet_of_features, standard_error  # noqa: PLC0415

        made, real = features_of(table, extractor, "generated"), features_of(table, extractor, "real")
        value = frechet_of_features(made, real)
        error = standard_error(made, Moments.of([real]))
        warning = f"; n below {FEW:,} biases it upwards, compare equal n alone" if len(made) < FEW else ""
        method = f"delta method over the generated side, {len(made)} against {len(real)}{warning}"
        interval = (value - _NORMAL * error, value + _NORMAL * error)
        weights = facts_of(table)["extractors"].get(extractor, "")
        return Outcome(value=value, interval=interval, method=method, n=len(made), weights=weights)

    return compute


def _kid(extractor: str) -> Callable[[pa.Table, MetricArguments], Outcome]:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
        from fashionbench.metrics.generation.kernel_mmd import kernel_distance  # noqa: PLC0415

        made, real = features_of(table, extractor, "generated"), features_of(table, extractor, "real")
        found = kernel_distance(made, real)
        interval = (found.value - _NORMAL * found.error, found.value + _NORMAL * found.error)
        method = f"first-order standard error of the U-statistic, {len(made)} against {len(real)}"
        weights = facts_of(table)["extractors"].get(extractor, "")
        return Outcome(value=found.value, interval=interval, method=method, n=len(made), weights=weights)

    return compute


def _value(name: str, extractor: str = "") -> Callable[[pa.Table, MetricArguments], Outcome]:
    def compute(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
        values, rows = values_of(table, name)
        if not len(values):
            raise MetricError(f"no picture has a value of {name}")
        return Outcome(values=values, rows=rows, weights=facts_of(table)["extractors"].get(extractor, ""))

    return compute


fid = _fid("inception-v3-fid")
kid = _kid("inception-v3-fid")
fd_efficientnet_lite0 = _fid("efficientnet-lite0")
kd_efficientnet_lite0 = _kid("efficientnet-lite0")
ssim, psnr, mse, lpips_alex = _value("ssim"), _value("psnr"), _value("mse"), _value("lpips-alex")
ssim_garment, mse_garment, clip_s = _value("ssim-garment"), _value("mse-garment"), _value("clip-s", CLIP)

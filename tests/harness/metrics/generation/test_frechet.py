"""Fréchet and kernel distance against torchmetrics and clean-fid, on features of the kind that networks give."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.metrics.generation.frechet import Moments, frechet_distance, frechet_of_features
from fashionbench.metrics.generation.kernel_mmd import kernel_distance

torch = pytest.importorskip("torch", reason="torch, which torchmetrics runs on")
pytest.importorskip("torchmetrics", reason="torchmetrics, which is compared with")
cleanfid = pytest.importorskip("cleanfid.fid", reason="clean-fid, which is compared with")

pytestmark = pytest.mark.slow


class Identity(torch.nn.Module):
    """Takes features for pictures."""

    def __init__(self, dimensions):
        super().__init__()
        self.num_features = dimensions

    def forward(self, rows):
        return rows


def sets(n, d):
    """Cut at zero, with a mean, and a spectrum that falls: float32, as extractors give them."""
    rng = np.random.default_rng(n + d)
    mix = rng.normal(size=(d, d)) * (1 + np.arange(d))[:, None] ** -0.7
    one, two = (np.maximum(rng.normal(size=(n, d)) @ mix * 0.3 + shift, 0) for shift in (0.4, 0.35))
    return one.astype(np.float32), two.astype(np.float32)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("n", "d"), [(40, 256), (300, 256), (2000, 256)])
def test_the_frechet_distance_is_that_of_both_libraries(n, d):
    from torchmetrics.image.fid import FrechetInceptionDistance

    one, two = sets(n, d)
    library = FrechetInceptionDistance(feature=Identity(d))
    for side, real in ((one, False), (two, True)):
        for batch in np.array_split(side, 3):
            library.update(torch.from_numpy(batch), real=real)
    moments = [(side.mean(axis=0), np.cov(side, rowvar=False)) for side in (one, two)]
    streamed = frechet_distance(Moments.of(np.array_split(one, 3)), Moments.of(np.array_split(two, 4)))
    for expected in (float(library.compute()), float(cleanfid.frechet_distance(*moments[0], *moments[1]))):
        assert streamed == pytest.approx(expected, rel=1e-4)
        assert frechet_of_features(one, two) == pytest.approx(expected, rel=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("n", "d"), [(60, 256), (1000, 256)])
def test_the_kernel_distance_over_all_pictures_is_that_of_both_libraries(n, d):
    from torchmetrics.image.kid import KernelInceptionDistance

    one, two = (side.astype(np.float64) for side in sets(n, d))
    # One subset that is the whole set leaves nothing to chance.
    library = KernelInceptionDistance(feature=Identity(d), subsets=1, subset_size=n)
    library.update(torch.from_numpy(one), real=False)
    library.update(torch.from_numpy(two), real=True)
    found = kernel_distance(one, two).value
    assert found == pytest.approx(float(library.compute()[0]), rel=1e-4)
    assert found == pytest.approx(cleanfid.kernel_distance(one, two, num_subsets=1, max_subset_size=n), rel=1e-4)

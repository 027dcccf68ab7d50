from __future__ import annotations

import numpy as np
import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.generation.pairwise import compare
from fashionbench.metrics.generation.ssim import structural_similarity


def random_pair(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, 256, (height, width, 3)) / 255 for _ in range(2))


def structured_pair(height, width):
    """A gradient with stripes and a flat patch, and the same displaced and darkened."""
    rows, columns = np.mgrid[:height, :width]
    one = np.stack([rows / height, columns / width, (rows + 2 * columns) % 7 < 3], axis=2).astype(np.float64)
    one[: height // 2, : width // 3] = 0.25
    return one, 0.8 * np.roll(one, 2, axis=1)


PAIRS = {
    "random": random_pair(40, 30),
    "random, odd sides": random_pair(37, 51, seed=1),
    "the smallest": random_pair(6, 6, seed=2),
    "long": random_pair(6, 97, seed=3),
    "structured": structured_pair(64, 48),
    "structured, odd sides": structured_pair(33, 71),
    "black and white": (np.zeros((20, 11, 3)), np.ones((20, 11, 3))),
    "nearly equal": (random_pair(25, 25)[0], random_pair(25, 25)[0] * (1 - 1e-9)),
    "equal": (random_pair(31, 17)[0],) * 2,
    "equal and flat": (np.full((19, 23, 3), 1 / 3),) * 2,
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_map_and_mean_are_those_of_torchmetrics(pair):
    torch = pytest.importorskip("torch", reason="torch, which the second library runs on")
    library = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics, the second library")
    sides = [torch.from_numpy(side).permute(2, 0, 1)[None] for side in pair]
    mean, full = library.structural_similarity_index_measure(*sides, data_range=1.0, return_full_image=True)
    found = structural_similarity(*pair)
    assert found.shape == pair[0].shape[:2]
    np.testing.assert_allclose(found, full[0].mean(dim=0).numpy(), rtol=0, atol=1e-10)
    assert found.mean() == pytest.approx(float(mean), abs=1e-10)


def test_one_pixel_is_that_of_the_definition():
    one, two = structured_pair(30, 30)
    weights = np.array([[np.exp(-(y**2 + x**2) / (2 * 1.5**2)) for x in range(-5, 6)] for y in range(-5, 6)])
    weights /= weights.sum()
    values = []
    for channel in range(3):
        x, y = (side[10:21, 12:23, channel] for side in (one, two))
        mx, my = (weights * x).sum(), (weights * y).sum()
        vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
        covariance = (weights * (x - mx) * (y - my)).sum()
        values.append(
            (2 * mx * my + 1e-4) * (2 * covariance + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
        )  # fmt: skip
    assert structural_similarity(one, two)[15, 17] == pytest.approx(np.mean(values), abs=1e-12)


def test_equal_pictures_are_at_exactly_one():
    picture = np.random.default_rng(0).integers(0, 256, (65, 43, 3), dtype=np.uint8)
    assert (structural_similarity(picture / 255, picture / 255) == 1).all()
    values = compare(picture, picture, np.eye(65, 43, dtype=bool))
    assert values == {"ssim": 1, "mse": 0, "psnr": 100, "ssim-garment": 1, "mse-garment": 0}


def test_within_the_garment_it_is_the_mean_over_the_mask():
    made, truth = (np.random.default_rng(at).integers(0, 256, (30, 20, 3), dtype=np.uint8) for at in (0, 1))
    made[:, 10:] = truth[:, 10:]
    inside = np.zeros((30, 20), dtype=bool)
    inside[:, 15:] = True
    values = compare(made, truth, inside)
    # Five pixels from where the pictures begin to differ no window reaches what differs.
    assert values["ssim-garment"] == 1
    assert values["ssim"] < 0.9


@pytest.mark.parametrize(("one", "two"), [((9, 9, 3), (9, 8, 3)), ((5, 9, 3), (5, 9, 3)), ((9, 5, 3), (9, 5, 3))])
def test_sizes_without_a_value_are_refused(one, two):
    with pytest.raises(MetricError, match=r"\(\d, \d\)"):
        structural_similarity(np.zeros(one), np.zeros(two))

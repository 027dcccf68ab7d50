from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from fashionbench.data.items import ImageItem
from fashionbench.errors import BackendError, UnknownNameError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.retrieval.colour_histogram import ColourHistogram, cielab, foreground, histogram

RED, GREEN, BLUE, WHITE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (119, 119, 119)


def backend(**options: Any) -> ColourHistogram:
    return ColourHistogram(BackendContext(options, 0, "cpu", Path()))


def garment(*colours: tuple[int, int, int], ground: tuple[int, int, int] = WHITE, side: int = 64) -> Image.Image:
    """Draw stripes of equal width in the middle half of the image."""
    image = Image.new("RGB", (side, side), ground)
    width = side // 2 // len(colours)
    for number, colour in enumerate(colours):
        left = side // 4 + number * width
        ImageDraw.Draw(image).rectangle((left, side // 4, left + width - 1, 3 * side // 4 - 1), fill=colour)
    return image


def cosine(one: Image.Image, two: Image.Image) -> float:
    first, second = backend().encode_images([ImageItem("1", one), ImageItem("2", two)], "query")
    return float(first @ second)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        (RED, (53.24, 80.09, 67.20)),
        (GREEN, (87.73, -86.18, 83.18)),
        (BLUE, (32.30, 79.19, -107.86)),
        (WHITE, (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        (GREY, (50.03, 0.0, 0.0)),
    ],
)
def test_known_colours_have_their_published_cielab_values(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    assert np.allclose(cielab(np.array([[rgb]], dtype=np.uint8))[0, 0], lab, atol=0.03)


def test_the_cosine_is_the_bhattacharyya_coefficient() -> None:
    # Red alone against red and blue in equal parts: the sum of the roots of the products is √(1 × 1/2).
    assert cosine(garment(RED), garment(RED, BLUE)) == pytest.approx(np.sqrt(0.5), abs=1e-6)
    assert cosine(garment(RED), garment(BLUE)) == pytest.approx(0, abs=1e-6)
    assert cosine(garment(RED, GREEN), garment(GREEN, RED)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("ground", [(0, 0, 0), GREY, (250, 240, 200)])
def test_a_plain_background_does_not_count(ground: tuple[int, int, int]) -> None:
    assert cosine(garment(RED, BLUE), garment(RED, BLUE, ground=ground)) == pytest.approx(1, abs=1e-6)


def test_the_size_of_image_and_garment_does_not_count() -> None:
    assert cosine(garment(RED, BLUE), garment(RED, BLUE, side=1024)) == pytest.approx(1, abs=1e-3)


def test_a_transparent_background_counts_as_a_white_one() -> None:
    cut_out = garment(RED)
    cut_out.putalpha(Image.fromarray((np.asarray(cut_out) != WHITE).any(axis=2)).convert("L"))
    assert cosine(garment(RED), cut_out) == pytest.approx(1, abs=1e-6)


def test_without_a_plain_border_every_pixel_counts() -> None:
    lab = cielab(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8))
    assert foreground(lab).all()


def test_an_image_of_one_colour_is_all_foreground() -> None:
    assert foreground(cielab(np.full((5, 4, 3), 200, dtype=np.uint8))).all()
    assert cosine(Image.new("RGB", (5, 4), RED), garment(RED)) == pytest.approx(1, abs=1e-6)


def test_a_small_shift_of_colour_costs_less_than_a_large_one() -> None:
    scores = [cosine(garment((200, 40, 40)), garment((200, 40 + shift, 40))) for shift in (0, 4, 20, 60, 150)]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] > 0.95


@given(arrays(np.float64, (7, 3), elements=st.floats(-200, 200)))
def test_a_histogram_sums_to_one(lab: Any) -> None:
    counts = histogram(lab)
    assert counts.shape == (800,)
    assert counts.min() >= 0
    assert counts.sum() == pytest.approx(1)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_colour_is_shared_so_that_its_mean_is_kept(red: int, green: int, blue: int) -> None:
    # Trilinear sharing is exact for the first moment inside the outermost cell centres.
    lab = cielab(np.array([[red, green, blue]], dtype=np.uint8))
    low, high = np.array([6.25, -99.0, -99.0]), np.array([93.75, 99.0, 99.0])
    centres = np.stack(
        np.meshgrid(*(np.linspace(a, b, n) for a, b, n in zip(low, high, (8, 10, 10), strict=True)), indexing="ij"),
        axis=-1,
    )
    assert np.allclose(histogram(lab) @ centres.reshape(-1, 3), np.clip(lab[0], low, high), atol=1e-9)


def test_rows_depend_on_neither_batch_nor_role() -> None:
    items = [ImageItem(str(number), garment(colour)) for number, colour in enumerate((RED, GREEN, BLUE))]
    model = backend()
    together = model.encode_images(items, "query")
    assert together.shape == (3, 800)
    assert together.dtype == np.float32
    assert np.array_equal(np.concatenate([model.encode_images([item], "candidate") for item in items]), together)
    assert model.encode_images([], "query").shape == (0, 800)


def test_an_image_that_would_be_clipped_is_refused_by_id() -> None:
    with pytest.raises(BackendError, match="item 'x-ray': the image has the mode I;16"):
        backend().encode_images([ImageItem("x-ray", Image.new("I;16", (4, 4)))], "query")


def test_options_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'bins'"):
        backend(bins=4)


def test_the_fingerprint_is_that_of_the_method() -> None:
    assert backend().fingerprint() == backend().fingerprint()
    assert backend().fingerprint().startswith("sha256:")

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionbench.errors import BackendError

pytest.importorskip("torchvision", reason="needs the optional dependencies fashionbench[models]")

import torch
from torchvision.transforms import functional as peer

from fashionbench_unifashion.vision.transform import (
    CLIP_MEAN,
    CLIP_STD,
    ImageTransform,
    cut_centre,
    pad,
    resize_shorter,
    rgb,
)

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_a_square_picture_of_one_colour_is_scaled_as_clip_was_trained() -> None:
    pixels = ImageTransform(8)(Image.new("RGB", (32, 32), (255, 0, 51)))
    assert pixels.shape == (3, 8, 8)
    assert pixels.dtype == torch.float32
    for channel, value in enumerate((1.0, 0.0, 0.2)):
        expected = (value - CLIP_MEAN[channel]) / CLIP_STD[channel]
        assert torch.allclose(pixels[channel], torch.full((8, 8), expected), atol=1e-6)


@given(width=st.integers(1, 60), height=st.integers(1, 60), size=st.sampled_from([5, 8, 33]))
def test_geometry_is_that_of_torchvision(width: int, height: int, size: int) -> None:
    if max(width, height) > 20 * min(width, height):
        width = height
    image = noise(width, height)
    assert np.array_equal(
        resize_shorter(image, size), peer.resize(image, size, peer.InterpolationMode.BICUBIC, antialias=True)
    )
    larger = resize_shorter(image, size)
    assert np.array_equal(cut_centre(larger, size), peer.center_crop(larger, size))
    # TargetPad of CLIP4CIR: half of what is missing on each side, in whole pixels, in black.
    longer = max(width, height)
    across, down = (max(int((longer / 1.25 - side) / 2), 0) for side in (width, height))
    expected = peer.pad(image, [across, down, across, down], 0, "constant")
    assert np.array_equal(pad(image, 1.25), image if longer / min(width, height) < 1.25 else expected)


def test_a_long_picture_is_padded_in_black_on_both_sides_to_the_ratio() -> None:
    padded = np.asarray(pad(Image.new("RGB", (20, 100), "white"), 1.25))
    assert padded.shape == (100, 80, 3)
    assert padded[:, 30:50].min() == 255
    assert padded[:, :30].max() == padded[:, 50:].max() == 0
    assert pad(Image.new("RGB", (90, 100)), 1.25).size == (90, 100)
    assert pad(Image.new("RGB", (100, 20)), 1.0).size == (100, 100)


def test_the_whole_of_a_long_garment_is_seen_but_for_a_tenth_at_each_end() -> None:
    image = Image.new("RGB", (20, 100), "white")
    # After padding to 80 x 100 the centre of 80 rows is cut out: rows 10 to 90.
    image.paste((255, 0, 0), (0, 0, 20, 9))
    image.paste((0, 255, 0), (0, 45, 20, 55))
    pixels = ImageTransform(80, **PLAIN)(image)
    assert not bool(((pixels[0] > 0.9) & (pixels[1] < 0.1)).any())
    assert bool(((pixels[1] > 0.9) & (pixels[0] < 0.1)).any())


def test_what_is_transparent_lies_on_white() -> None:
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    half.paste((10, 20, 30, 255), (0, 0, 2, 4))
    found = np.asarray(rgb(half))
    assert found[0, 0].tolist() == [10, 20, 30]
    assert found[0, 3].tolist() == [255, 255, 255]
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([9, 9, 9, 200, 100, 50])
    assert np.asarray(rgb(palette))[0, 0].tolist() == [200, 100, 50]
    palette.info["transparency"] = 1
    assert np.asarray(rgb(palette))[0, 0].tolist() == [255, 255, 255]
    assert np.asarray(rgb(Image.new("L", (2, 2), 77)))[0, 0].tolist() == [77, 77, 77]
    assert np.asarray(rgb(Image.new("LA", (2, 2), (77, 0))))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["I;16", "F", "I"])
def test_modes_without_a_faithful_form_are_refused(mode: str) -> None:
    with pytest.raises(BackendError, match=f"has the mode {mode}"):
        ImageTransform(4)(Image.new(mode, (2, 2)))


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(BackendError, match="0 x 3 pixels"):
        ImageTransform(4)(Image.new("RGB", (0, 3)))


def test_a_batch_is_its_pictures_and_leaves_them_alone() -> None:
    images = [noise(9, 30), noise(30, 9, 1), noise(12, 12, 2)]
    before = [np.array(image) for image in images]
    transform = ImageTransform(16)
    batch = transform.batch(images)
    assert batch.shape == (3, 3, 16, 16)
    assert all(torch.equal(row, transform(image)) for row, image in zip(batch, images, strict=True))
    assert all(np.array_equal(image, old) for image, old in zip(images, before, strict=True))

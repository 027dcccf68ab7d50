from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import (
    ComposedItem,
    DesignItem,
    ImageItem,
    PairItem,
    StyleTransferItem,
    TextItem,
    TryOffItem,
    TryOnItem,
)


def plain(size, colour="white", mode="RGB"):
    return Image.new(mode, size, colour)


def test_size_and_mode_count():
    tall, wide = plain((10, 20)), plain((20, 10))
    assert tall.tobytes() == wide.tobytes()
    hashes = {item_hash(ImageItem("x", image)) for image in (tall, wide, plain((10, 20), mode="RGBX"))}
    assert len(hashes) == 3


def test_the_id_does_not_count():
    assert item_hash(ImageItem("a", plain((2, 2)))) == item_hash(ImageItem("b", plain((2, 2))))


@given(st.text(), st.text())
def test_texts_differ_as_their_hashes(one, two):
    assert (item_hash(TextItem("", one)) == item_hash(TextItem("", two))) == (one == two)


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4))
def test_pairs_cannot_be_cut_otherwise(a, b, c, d):
    one, two = (PairItem("", TextItem("", x), TextItem("", y)) for x, y in ((a, b), (c, d)))
    assert (item_hash(one) == item_hash(two)) == ((a, b) == (c, d))


def test_every_part_counts():
    white, black = plain((2, 2)), plain((2, 2), "black")
    items = [
        ImageItem("", white),
        ComposedItem("", white, "longer"),
        ComposedItem("", black, "longer"),
        ComposedItem("", white, "longer", (0, 0, 1, 2)),
        ComposedItem("", white, "longer", (0, 0, 2, 1)),
        TryOnItem("", white, black),
        TryOnItem("", black, white),
        TryOnItem("", white, black, {"mask": white}),
        TryOnItem("", white, black, {"pose": white}),
        TryOffItem("", white, "dresses"),
        TryOffItem("", white, "upper_body"),
        TryOffItem("", white, "upper_body", {"mask": white}),
        DesignItem("", white, "dress", None),
        DesignItem("", white, "dress", black),
        DesignItem("", white, "dress", black, {"mask": white}),
        StyleTransferItem("", white, None, "red"),
        StyleTransferItem("", white, white, "red"),
        StyleTransferItem("", white, black, "red"),
        StyleTransferItem("", black, white, "red"),
        StyleTransferItem("", white, white, ""),
        StyleTransferItem("", white, white, "", {"mask": white}),
    ]
    assert len({item_hash(item) for item in items}) == len(items)

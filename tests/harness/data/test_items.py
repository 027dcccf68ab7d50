from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.file_index import FileIndex
from fashionbench.data.items import ComposedItem
from fashionbench.data.lazy_items import ComposedFile, content_key
from fashionbench.data.shown_items import ShownItem
from fashionbench.errors import DataError

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
IMAGE = Image.fromarray(PIXELS)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [((1, 0, 3, 2), slice(0, 2), slice(1, 3)), ((-2, 1, 99, 99), slice(1, 4), slice(0, 6))],
)
def test_the_anchor_is_what_lies_in_the_box(box, rows, columns):
    assert np.array_equal(np.asarray(ComposedItem("q", IMAGE, "longer", box).anchor), PIXELS[rows, columns])


def test_without_a_box_the_anchor_is_the_image():
    assert ComposedItem("q", IMAGE, "longer").anchor is IMAGE


@pytest.mark.parametrize("box", [(6, 0, 9, 4), (0, -3, 2, 0), (3, 3, 3, 4)])
def test_a_box_beside_the_image_is_named(box):
    with pytest.raises(DataError, match=r"of the query q holds nothing of its image of 6 x 4 pixels"):
        _ = ComposedItem("q", IMAGE, "longer", box).anchor


def test_people_see_the_box_beside_the_reference():
    shown = ShownItem.of(ComposedItem("q", IMAGE, "longer", (1, 0, 3, 2)))
    assert {name: image.size for name, image in shown.images.items()} == {"reference": (6, 4), "box": (2, 2)}
    assert set(ShownItem.of(ComposedItem("q", IMAGE, "longer")).images) == {"reference"}


def test_queries_that_differ_in_their_box_are_kept_apart(tmp_path):
    path = tmp_path / "a.png"
    IMAGE.save(path)
    boxes = [None, (1, 0, 3, 2), (1, 0, 3, 3)]
    with FileIndex() as index:
        index.look([path], decode_images=True)
        keys = {content_key(ComposedFile("q", path, "longer", box), index) for box in boxes}
    assert len(keys) == 3
    assert None not in keys
    assert ComposedFile("q", path, "longer", boxes[1]).open().box == boxes[1]

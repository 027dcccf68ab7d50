from __future__ import annotations

import unicodedata

import pytest

from fashionbench.predictions.id_matching import IdMatcher

COMPOSED = "robe-\u00e9t\u00e9"


@pytest.mark.parametrize(
    ("known", "name", "found"),
    [
        (["B00A"], "B00A", "B00A"),
        (["B00A"], "B00A.jpg", "B00A"),
        (["B00A"], "B00A.PNG", "B00A"),
        (["B00A"], "images/B00A.webp", "B00A"),
        (["B00A"], "images\\B00A.jpg", "B00A"),
        (["dev-0-img0"], "./dev/dev-0-img0.png", "dev-0-img0"),
        (["women/dresses/1/1_0.jpeg"], "women/dresses/1/1_0", "women/dresses/1/1_0.jpeg"),
        (["women/dresses/1/1_0.jpeg"], "1_0.jpeg", "women/dresses/1/1_0.jpeg"),
        (["val/7_0", "text/7"], "7", "text/7"),
        ([COMPOSED], unicodedata.normalize("NFD", COMPOSED), COMPOSED),
        ([unicodedata.normalize("NFD", COMPOSED)], COMPOSED, unicodedata.normalize("NFD", COMPOSED)),
        # What could be two, or is another one, is none.
        (["val/7_0"], "train/7_0", None),
        (["a/x.jpg", "b/x.jpg"], "x", None),
        (["x.jpg", "x.png"], "x", None),
        (["x.jpg", "x.png"], "x.png", "x.png"),
        (["B00A"], "b00a", None),
        (["v1.5"], "v1", None),
        (["B00A"], "", None),
        (["B00A"], ".jpg", None),
    ],
)
def test_a_name_stands_for_the_one_id_that_it_fits(known, name, found):
    assert IdMatcher(known).find(name) == found

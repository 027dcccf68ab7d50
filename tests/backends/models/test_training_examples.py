"""Which pairs a trainer learns from."""

from __future__ import annotations

import pytest
from PIL import Image

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import DataError
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext, TrainingPart
from fashionbench_models.training.examples import collect
from fashionbench_models.training.recipe import Recipe


def collected(tmp_path, recipe, evaluated=frozenset()):
    picture = Image.new("RGB", (2, 2))
    pairs = [Pair(ImageItem(f"i{n}", picture), TextItem(f"t{n}", f"text {n}"), f"p{n // 2}") for n in range(200)]
    part = TrainingPart("toy", "toy", "", "", False, TrainingData("all", pairs=pairs), evaluated)
    return collect(recipe, TrainingContext(tmp_path, lambda _: part, "cpu", Silent(), print))


def test_products_are_held_out_whole_and_measured_images_left_out(tmp_path):
    found = collected(tmp_path, Recipe(pairs=("toy",), held_out=0.3), frozenset({"i0", "i7", "elsewhere"}))
    learnt, held = ({example.product for example in side} for side in (found.train, found.held))
    assert not learnt & held
    assert 15 < len(held) < 45
    texts = {example.text for example in [*found.train, *found.held]}
    assert texts == {f"text {n}" for n in range(200)} - {"text 0", "text 7"}
    assert found.counts == {"pairs": len(found.train), "held out pairs": len(found.held), "left out because they are evaluated": 2}  # fmt: skip


def test_a_limit_takes_pairs_from_the_whole_list(tmp_path):
    found = collected(tmp_path, Recipe(pairs=("toy",), held_out=0.0, limit=4))
    assert [example.text for example in found.train] == ["text 0", "text 50", "text 100", "text 150"]


def test_one_product_is_too_little(tmp_path):
    with pytest.raises(DataError, match="toy have 2 pairs to learn from, of fewer than two products"):
        collected(tmp_path, Recipe(pairs=("toy",), held_out=0.0), frozenset(f"i{n}" for n in range(2, 200)))

"""Which pairs and try-on examples a trainer learns from."""

from __future__ import annotations

import pytest
from PIL import Image

from fashionbench.data.items import ImageItem, TextItem, TryOnItem
from fashionbench.data.training_examples import Pair, TrainingData, TryOnExample
from fashionbench.errors import DataError
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext, TrainingPart
from fashionbench_models.training.examples import collect
from fashionbench_models.training.recipe import Recipe
from fashionbench_models.training.try_on_examples import collect_try_on
from fashionbench_tasks.lazy import Lazy


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


def tried_on(tmp_path, held_out=0.0, limit=None, evaluated=frozenset()):
    """Collect 200 persons, of whom each two wear one garment."""
    picture = Image.new("RGB", (2, 2))
    rows = [
        TryOnExample(TryOnItem(f"garment-{n // 2}", picture, picture, {}), ImageItem(f"person-{n}", picture))
        for n in range(200)
    ]
    names = [(f"person-{n}", "", f"garment-{n // 2}") for n in range(200)]
    data = TrainingData("all", tryon_examples=Lazy(len(rows), rows.__getitem__, names))
    part = TrainingPart("toy", "toy", "", "", False, data, evaluated)
    context = TrainingContext(tmp_path, lambda _: part, "cpu", Silent(), print)
    return collect_try_on(("toy",), held_out, limit, context)


def test_garments_are_held_out_whole_and_nobody_is_on_both_sides(tmp_path):
    found = tried_on(tmp_path, held_out=0.3)
    learnt, held = ({at for _, at in side} for side in (found.train, found.held))
    assert learnt | held == set(range(200)) and not learnt & held
    assert not {at // 2 for at in learnt} & {at // 2 for at in held}
    assert 15 < len({at // 2 for at in held}) < 45
    assert found.counts == {"try-on examples": len(learnt), "held out try-on examples": len(held), "left out because they are evaluated": 0}  # fmt: skip


def test_persons_and_garments_that_are_measured_are_left_out(tmp_path):
    found = tried_on(tmp_path, evaluated=frozenset({"person-5", "garment-30", "elsewhere"}))
    assert {at for _, at in found.train} == set(range(200)) - {5, 60, 61}
    assert found.counts["left out because they are evaluated"] == 3


def test_a_limit_takes_try_on_examples_from_the_whole_list(tmp_path):
    assert [at for _, at in tried_on(tmp_path, limit=4).train] == [0, 50, 100, 150]


def test_one_person_is_too_little(tmp_path):
    with pytest.raises(DataError, match="toy have 1 try-on examples to learn from"):
        tried_on(tmp_path, evaluated=frozenset(f"person-{n}" for n in range(1, 200)))

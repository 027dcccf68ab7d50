"""Products of several photos are ranked by the best of them: against every maximum taken by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.info import DataInfo
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import BackendSpec
from fashionbench_tasks.retrieval.cross_modal.products import fashiongen_products
from fashionbench_tasks.retrieval.fold import Fold, check_fold
from fashionbench_tasks.retrieval.task import Retrieval

SPEC = BackendSpec(
    id="t/given", summary="", target="a:b", revision="1", capabilities=frozenset({"encode-text", "encode-image"})
)
VIEWS = {"a": ["a2", "a3"], "c": ["c2"]}
TASK = "fashiongen/text-to-product"


class Given:
    """Embeds each text as the rows that its id names."""

    def __init__(self, rows):
        self.rows = rows

    def encode_images(self, items, role):
        raise AssertionError("there are no images here")

    def encode_texts(self, items, role):
        return np.stack([self.rows[item.id] for item in items])


def texts(names):
    return [TextItem(name, name) for name in names]


@pytest.mark.parametrize("vectors", [1, 3])
def test_the_score_of_a_product_is_the_greatest_over_its_views(vectors, plugins):
    """Whether the model has one vector for an image or several."""
    rng = np.random.default_rng(3)
    names = [*"abcd", "a2", "a3", "c2"]
    rows = {name: rng.normal(size=(vectors, 6)) for name in [*names, *(f"q{i}" for i in range(40))]}
    rows = {name: row / np.linalg.norm(row, axis=1, keepdims=True) for name, row in rows.items()}
    fold = Fold(
        name="f",
        queries=texts(f"q{i}" for i in range(40)),
        gallery=texts("abcd"),
        views={name: texts(own) for name, own in VIEWS.items()},
        positives={f"q{i}": ["abcd"[i % 4]] for i in range(40)},
    )
    task = Retrieval(plugins.tasks["toy/squares"], DataInfo("x", {}), lambda: [fold])
    given = {name: row[0] if vectors == 1 else row for name, row in rows.items()}
    session = Session(SPEC, lambda: Given(given), owner=EmbeddingOwner(identity="x"), seed=0)
    found = task.predict(session).table.to_pydict()
    assert session.counts.items == 40 + 7
    moved = 0
    for at, (query, better) in enumerate(zip(found["query_id"], found["better"], strict=True)):
        scores = {
            name: max(float((rows[query] @ rows[view].T).max()) for view in [name, *VIEWS.get(name, ())])
            for name in "abcd"
        }
        own = "abcd"[at % 4]
        assert better == [sum(score > scores[own] for name, score in scores.items() if name != own)]
        assert found["n_candidates"][at] == 4
        moved += scores != {name: float((rows[query] @ rows[name].T).max()) for name in "abcd"}
    assert moved > 10


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ({"z": ["z2"]}, "the product 'z' that has several views is not in the gallery"),
        ({"a": ["b"]}, "candidates and views hold 'b' twice"),
        ({"a": ["x"], "b": ["x"]}, "candidates and views hold 'x' twice"),
    ],
)
def test_views_are_of_one_product_each(views, said):
    fold = Fold(
        name="f", queries=texts("q"), gallery=texts("ab"), positives={"q": ["a"]},
        views={name: texts(own) for name, own in views.items()},
    )  # fmt: skip
    with pytest.raises(DataError, match=said):
        check_fold(fold)


def test_people_see_every_view_of_a_product(plugins):
    red, blue = Image.new("RGB", (2, 2), "red"), Image.new("RGB", (2, 2), "blue")
    fold = Fold(
        name="f", queries=texts("q"), gallery=[ImageItem("a", red), ImageItem("b", blue)], positives={"q": ["a"]},
        views={"a": [ImageItem("a2", blue)]},
    )  # fmt: skip
    task = Retrieval(plugins.tasks["toy/squares"], DataInfo("x", {}), lambda: [fold])
    shown = task.shown("f", "candidate", {"a", "b"})
    assert {name: list(item.images) for name, item in shown.items()} == {"a": ["image", "image 2"], "b": ["image"]}
    assert shown["a"].images["image 2"].getpixel((0, 0)) == (0, 0, 255)
    assert task.evaluated() == {"a", "b", "a2"}


@pytest.fixture
def root(tmp_path):
    """Three products of three, one and two photos, as FashionViL extracts FashionGen."""
    root = tmp_path / "fashiongen"
    (root / "val").mkdir(parents=True)
    entries = []
    for product, count in (("1", 3), ("2", 1), ("3", 2)):
        names = [f"{product}_{at}.png" for at in range(count)]
        for at, name in enumerate(names):
            Image.new("RGB", (4, 4), (80 * int(product), 60 * at, 9)).save(root / "val" / name)
        entries.append({"id": product, "images": names, "title": f"T{product}", "description": f"D{product}"})
    (root / "val_info.json").write_text(json.dumps(entries))
    return root


def test_products_of_fashiongen(root, plugins):
    task = fashiongen_products(plugins.tasks[TASK], DataRoots(named={"fashiongen": root}))
    (fold,) = task.folds
    assert [(source.id, source.path.name) for source in fold.gallery] == [
        ("product/1", "1_0.png"), ("product/2", "2_0.png"), ("product/3", "3_0.png"),
    ]  # fmt: skip
    assert {name: [view.id for view in own] for name, own in fold.views.items()} == {
        "product/1": ["val/1_1", "val/1_2"],
        "product/3": ["val/3_1"],
    }
    assert fold.positives == {f"text/{n}": [f"product/{n}"] for n in "123"}
    assert task.info().sizes == {"products": 3, "photos": 6, "most photos of a product": 3}


def test_a_missing_first_photo_leaves_the_others_and_a_product_without_any_is_a_miss(root, plugins):
    for name in ("1_0", "2_0"):
        (root / "val" / f"{name}.png").unlink()
    (fold,) = fashiongen_products(plugins.tasks[TASK], DataRoots(named={"fashiongen": root})).folds
    assert [(source.id, source.path.name) for source in fold.gallery] == [
        ("product/1", "1_1.png"), ("product/3", "3_0.png"),
    ]  # fmt: skip
    assert {name: [view.id for view in own] for name, own in fold.views.items()} == {
        "product/1": ["val/1_2"],
        "product/3": ["val/3_1"],
    }
    assert fold.positives["text/2"] == []


def test_chance_is_that_of_products_and_not_of_photos(root, plugins, store):
    fields = {"tasks": TASK, "data": {"fashiongen": root}}
    (record,) = api.run({**fields, "backends": "control/constant"}, plugins=plugins, store=store)
    assert record.metric("hit@1").value == pytest.approx(1 / 3)
    (record,) = api.run({**fields, "backends": "control/oracle"}, plugins=plugins, store=store)
    assert record.metric("hit@1").value == 1

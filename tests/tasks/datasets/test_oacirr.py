"""OACIRR on invented rows in the shape in which it is published; expected values are written by hand."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.dataset import status
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench_atelier.layouts import oacirr as layout
from fashionbench_tasks.datasets.oacirr import OACIRR, Quadruple
from fashionbench_tasks.retrieval.composed.oacirr import oacirr

TASK = "oacirr/fashion"
SPLIT = {
    "a_0": "val/bag-a/a_0.jpg",
    "a_1": "./val/bag-a/a_1.jpg",
    "a_2": "val/bag-a/a_2.jpg",
    "b_0": "val/bag-b/b_0.jpg",
    "b_1": "val/bag-b/b_1.jpg",
    "x": "distractors/bag-x/x.jpg",
}
QUERIES = [("a_0", "a_1", "on a chair", [1, 2, 5.5, 7.2]), ("b_1", "b_0", "worn outside", [0, 0, 8, 8])]


def entry(reference, target, text, box):
    return {
        "reference": reference,
        "target": target,
        "modification_text_mllm": text,
        "object_category": "bag",
        "reference_bounding_box": box,
        "target_subset_vitG": [target],
    }


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "oacirr"
    domain = root / "OACIRR-Subset" / "OACIRR-Fashion"
    for at, place in enumerate(SPLIT.values()):
        (domain / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (30 * at, 0, 90)).save(domain / place)
    put(root, "quadruple_captions/caption_full", [entry(*query) for query in QUERIES])
    put(root, "image_splits/split", SPLIT)
    put(root, "image_bounding_box/bounding_box", {"a_0": [1, 2, 5.5, 7.2]})
    return root


def put(root, name, content):
    path = root / "OACIRR-Subset" / "OACIRR-Fashion" / "oacirr-fashion" / f"{name}.val.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def opened(root, plugins):
    return oacirr(plugins.tasks[TASK], DataRoots(named={"oacirr": root}))


def run(root, plugins, store, backend):
    (record,) = api.run({"tasks": TASK, "backends": backend, "data": {"oacirr": root}}, plugins=plugins, store=store)
    assert record.error is None
    return {(part.id, part.slice): part.value for part in record.metrics}


def test_rows(root):
    data = OACIRR(root)
    assert data.domains == ("fashion",)
    assert data.queries("fashion") == [
        Quadruple("000000", "a_0", (1, 2, 6, 8), "on a chair", "a_1"),
        Quadruple("000001", "b_1", (0, 0, 8, 8), "worn outside", "b_0"),
    ]
    assert data.instances("fashion") == {
        "a_0": "bag-a", "a_1": "bag-a", "a_2": "bag-a", "b_0": "bag-b", "b_1": "bag-b", "x": "bag-x",
    }  # fmt: skip
    assert data.counts() == {"queries/fashion": 2, "images/fashion": 6, "instances/fashion": 3}
    found = status("oacirr", data, root, {}, verify=True)
    assert (found.missing, dict(found.unreadable), found.extra, found.images) == ((), {}, (), 6)
    assert OACIRR(root / "OACIRR-Subset").counts() == data.counts()


def test_target_and_instance(root, plugins):
    task = opened(root, plugins)
    target, instance = task.folds
    assert (target.name, instance.name) == ("target", "instance")
    assert [(query.id, query.text, query.box) for query in target.queries] == [
        ("000000", "on a chair", (1, 2, 6, 8)),
        ("000001", "worn outside", (0, 0, 8, 8)),
    ]
    assert [one.id for one in target.gallery] == list(SPLIT)
    assert target.positives == {"000000": ["a_1"], "000001": ["b_0"]}
    assert instance.positives == {"000000": ["a_1", "a_2"], "000001": ["b_0"]}
    for fold in (target, instance):
        assert fold.exclude == {"000000": ["a_0"], "000001": ["b_1"]}
        assert fold.clusters == {"000000": "bag-a", "000001": "bag-b"}
    assert task.info().sizes == {"queries": 2, "gallery": 6, "instances": 3}
    assert task.info().facts == {}


def test_a_backend_that_cannot_tell_images_apart_is_at_chance(root, plugins, store):
    value = run(root, plugins, store, "control/constant")
    # Five candidates without the reference: one is the target; two and one are of the instance.
    assert value["hit@1", "all"] == value["hit@1", "target"] == pytest.approx(1 / 5)
    assert value["hit@1", "instance"] == pytest.approx((2 / 5 + 1 / 5) / 2)


def test_the_oracle_is_perfect_and_what_is_missing_is_a_miss(root, plugins, store):
    value = run(root, plugins, store, "control/oracle")
    assert value["hit@1", "target"] == value["hit@1", "instance"] == 1
    # The target of the first query is gone, another image of its instance is there; the second has no reference.
    for name in ("val/bag-a/a_1.jpg", "val/bag-b/b_1.jpg"):
        (root / "OACIRR-Subset" / "OACIRR-Fashion" / name).unlink()
    value = run(root, plugins, store, "control/oracle")
    assert (value["hit@1", "target"], value["hit@1", "instance"]) == (0, 0.5)


@pytest.mark.parametrize(
    "box", [[1, 2, 3], [3, 2, 3, 8], [1, 9, 4, 8], [0, 0, "8", 8], [0, 0, float("nan"), 8], [0, 0, True, 8]]
)
def test_what_is_no_box_is_named(root, box):
    put(root, "quadruple_captions/caption_full", [entry(*QUERIES[1]), entry(*QUERIES[0][:3], box)])
    with pytest.raises(DataError, match=r"caption_full\.val\.json, entry 1: reference_bounding_box is"):
        OACIRR(root).queries("fashion")


def test_a_query_of_an_image_that_is_not_in_the_split_is_named(root, plugins):
    put(root, "quadruple_captions/caption_full", [entry("a_0", "nowhere", "x", [0, 0, 1, 1])])
    with pytest.raises(DataError, match="query 000000 of oacirr/fashion names the image 'nowhere'"):
        opened(root, plugins)


def test_a_target_of_another_instance_is_counted(root, plugins):
    put(root, "quadruple_captions/caption_full", [entry("a_0", "b_0", "x", [0, 0, 1, 1])])
    task = opened(root, plugins)
    assert task.info().facts == {"queries whose target is of another instance than the reference": "1"}
    assert task.folds[1].positives == {"000000": ["b_0", "b_1"]}


@pytest.mark.parametrize(
    ("split", "said"), [({"a": "a.jpg"}, "a lies in no folder of an instance"), (["a"], "does not map names to files")]
)
def test_a_malformed_split_is_named(root, split, said):
    put(root, "image_splits/split", split)
    with pytest.raises(DataError, match=said):
        OACIRR(root).instances("fashion")


def test_a_domain_that_is_not_there(root, tmp_path):
    with pytest.raises(DataError, match="has no domain car") as caught:
        OACIRR(root).queries("car")
    assert "oacirr/fashion" in caught.value.remedy
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is no folder of OACIRR"):
        OACIRR(tmp_path / "empty")


def test_the_twin_asks_for_other_photos_of_a_product(twin, source):
    data = OACIRR(twin / "oacirr")
    instances = data.instances("fashion")
    queries = data.queries("fashion")
    shots = {layout.name((p.id, shot.index)): shot for p in source.world.products for shot in source.world.photos(p.id)}
    assert len(queries) > 10
    for query in queries:
        assert instances[query.reference] == instances[query.target]
        assert query.reference != query.target
        assert {"front": "front", "worn": "person", "back": "back", "detail": "close"}[
            shots[query.target].kind
        ] in query.text
        with Image.open(data.split("fashion")[query.reference]) as image:
            left, top, right, bottom = query.box
            assert 0 <= left < right <= image.width
            assert 0 <= top < bottom <= image.height
    assert len(set(instances.values())) > len({instances[query.reference] for query in queries})


def test_the_box_of_the_twin_holds_the_garment(twin, source):
    """Beyond the box there is only the wall, within it there is more: the first photo shows a garment whole."""
    import numpy as np

    data = OACIRR(twin / "oacirr")
    files = data.split("fashion")
    shots = {layout.name((p.id, shot.index)): shot for p in source.world.products for shot in source.world.photos(p.id)}
    laid = [query for query in data.queries("fashion") if shots[query.reference].kind == "front"]
    assert laid
    for query in laid:
        with Image.open(files[query.reference]) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=float)
        left, top, right, bottom = query.box
        varies = np.abs(pixels - pixels[2, 2]).max(axis=2)
        inside = varies[top:bottom, left:right].mean()
        varies[top:bottom, left:right] = 0
        assert varies.max() < 60
        assert inside > 5

from __future__ import annotations

import json

import pytest
from PIL import Image

from fashionbench.api.data import audit
from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.cirr import SPLITS, image_name
from fashionbench_atelier.world.relative_captions import differences
from fashionbench_tasks.datasets.cirr import CIRR


@pytest.fixture
def data(twin):
    return CIRR(twin / "cirr")


def identity(name):
    return int(name.split("-")[1])


def damage(root, place, change):
    path = root / place
    loaded = json.loads(path.read_text())
    change(loaded)
    path.write_text(json.dumps(loaded))


@pytest.mark.parametrize(("name", "split"), SPLITS.items())
def test_queries_are_comparisons_of_the_world_within_six_similar_images(data, source, name, split):
    known = {(one.reference, one.target) for one in source.comparisons if source.splits[one.target] == split}
    queries = data.queries(name)
    gallery = set(data.split(name))
    assert gallery == {image_name(product.id, split) for product in source.products(split)}
    for query in queries:
        assert query.caption
        assert len(set(query.members)) == 6
        assert {query.reference, query.target or query.reference} <= set(query.members) <= gallery
        if name != "test1":
            assert (identity(query.reference), identity(query.target)) in known
    assert len(queries) <= len(known)
    assert len({query.id for s in SPLITS for query in data.queries(s)}) == sum(len(data.queries(s)) for s in SPLITS)


def test_members_are_the_most_similar_products(data, source):
    products = source.world.products
    for query in data.queries("val"):
        one = products[identity(query.reference)]
        inside = [products[identity(name)] for name in query.members]
        outside = [p for p in source.products("val") if p not in inside and p.category == one.category]
        if outside:
            far = max(len(differences(one, member)) for member in inside)
            assert far <= min(len(differences(one, other)) for other in outside)


def test_test1_has_no_target(data, twin):
    assert {query.target for query in data.queries("test1")} == {""}
    for entry in json.loads((twin / "cirr/captions/cap.rc2.test1.json").read_text()):
        assert not {"target_hard", "target_soft"} & set(entry)


def test_soft_targets_are_one_for_the_target_and_minus_one_for_the_reference(twin):
    for entry in json.loads((twin / "cirr/captions/cap.rc2.val.json").read_text()):
        soft = entry["target_soft"]
        assert (soft[entry["target_hard"]], soft[entry["reference"]]) == (1.0, -1.0)
        assert set(soft) <= set(entry["img_set"]["members"])
        assert entry["img_set"]["members"][entry["img_set"]["target_rank"]] == entry["target_hard"]


def test_every_image_is_there_and_is_a_png(data, twin):
    found = status("cirr", data, twin / "cirr", {})
    assert (found.missing, found.extra, found.synthetic) == ((), (), True)
    with Image.open(next(iter(data.images().values()))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")


def test_images_may_be_jpeg_where_the_split_file_says_so(copied):
    root = copied("cirr")
    for split in SPLITS:
        path = root / "image_splits" / f"split.rc2.{split}.json"
        path.write_text(path.read_text().replace(".png", ".jpg"))
    for path in list(root.rglob("*.png")):
        path.rename(path.with_suffix(".jpg"))
    (root / "dev" / "stray.jpg").write_bytes(b"")
    found = status("cirr", CIRR(root), root, {})
    assert (found.missing, found.extra) == ((), ("dev/stray.jpg",))


def test_annotations_may_lie_below_a_folder_cirr(copied):
    root = copied("cirr")
    before = CIRR(root).counts()
    (root / "cirr").mkdir()
    for name in ("captions", "image_splits"):
        (root / name).rename(root / "cirr" / name)
    data = CIRR(root)
    assert data.counts() == before
    assert not status("cirr", data, root, {}).missing


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries: entries[0]["img_set"]["members"].pop(), "entry 0: img_set has not six members"),
        (lambda entries: entries[0].update(reference="dev-0"), "entry 0: img_set has not six members"),
        (lambda entries: entries[1].pop("target_hard"), "entry 1: 'target_hard' is nothing"),
        (lambda entries: entries[0].update(pairid="x"), "entry 0: 'pairid' is str"),
    ],
)
def test_a_malformed_entry_is_named(copied, change, said):
    root = copied("cirr")
    damage(root, "captions/cap.rc2.val.json", change)
    with pytest.raises(DataError, match=said) as caught:
        CIRR(root).queries("val")
    assert "cap.rc2.val.json" in str(caught.value)


@pytest.mark.parametrize("place", ["../out.png", "./../../out.png", "/etc/out.png"])
def test_a_place_cannot_lead_out_of_the_root(copied, place):
    root = copied("cirr")
    damage(root, "image_splits/split.rc2.val.json", lambda names: names.update(x=place))
    with pytest.raises(DataError, match="leads out"):
        CIRR(root).images()


def test_a_malformed_split_file_is_named(copied):
    root = copied("cirr")
    (root / "image_splits" / "split.rc2.val.json").write_text("[]")
    with pytest.raises(DataError, match=r"split\.rc2\.val\.json does not map"):
        CIRR(root).split("val")


def test_a_folder_without_captions_is_refused(tmp_path):
    with pytest.raises(DataError, match="looked for captions, cirr/captions"):
        CIRR(tmp_path)


@pytest.mark.parametrize(("there", "asked"), [("test1", "val"), ("val", "test1"), ("val", "train")])
def test_a_split_that_is_not_there_is_told_from_one_that_is(copied, there, asked):
    root = copied("cirr")
    for path in root.rglob("*.rc2.*.json"):
        if f".{there}." not in path.name:
            path.unlink()
    data = CIRR(root)
    assert data.queries(there)
    for read in (data.split, data.queries):
        with pytest.raises(
            DataError, match=rf"rc2\.{asked}\.json does not exist: .* no split {asked}, and holds {there}"
        ) as e:
            read(asked)
        assert e.value.remedy == f"name the task cirr/{there}, or fetch the annotation files of {asked}"
    with pytest.raises(DataError, match="holds test1" if there == "test1" else "holds val"):
        audit("cirr/val" if there == "test1" else "cirr/test1", root=root, store=root / "s")


def test_an_annotation_file_that_is_not_there_names_its_neighbours(copied):
    root = copied("cirr")
    for path in root.rglob("split.rc2.*.json"):
        path.unlink()
    next(root.rglob("image_splits")).joinpath("other.json").write_text("{}")
    with pytest.raises(
        DataError,
        match=r"split\.rc2\.val\.json cannot be read: No such file or directory; its folder holds other\.json",
    ):
        CIRR(root).split("val")

"""LookBench on invented rows in the shape in which it is published; expected values are written by hand."""

from __future__ import annotations

import io
from math import log2

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.dataset import status
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.lookbench import LookBench
from fashionbench_tasks.retrieval.image_to_image.lookbench import lookbench

TASK = "lookbench/real-studio-flat"
QUERIES = [
    ("dress", "red", ["long", "silk"], "p1"),
    ("dress", "blue", ["short", "silk"], "p2"),
    ("boots", "black", ["high"], "p9"),
]
PRODUCTS = [
    ("dress", "red", ["long", "silk"], "p1"),
    ("dress", "red", ["short", "wool"], "p3"),
    ("dress", "blue", ["long", "silk"], "p2"),
    ("skirt", "red", ["long", "silk"], "p4"),
]


def jpeg(number):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (20 * number, 90, 200 - 20 * number)).save(stream, "JPEG")
    return stream.getvalue()


def write(path, rows, attributes=lambda values: values, **columns):
    names = ("category", "main_attribute", "other_attributes", "item_ID")
    table = {"image": [{"bytes": jpeg(at), "path": f"{at}.jpg"} for at in range(len(rows))]}
    table |= {name: [row[at] for row in rows] for at, name in enumerate(names)}
    table["other_attributes"] = [attributes(values) for values in table["other_attributes"]]
    table |= {"bbox": [[0, 0, 8, 8]] * len(rows), "task": ["single"] * len(rows), "difficulty": ["easy"] * len(rows)}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**table, **columns}), path)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "look-bench" / "v20251201"
    write(folder / "real_studio_flat" / "query.parquet", QUERIES)
    write(folder / "real_studio_flat" / "gallery.parquet", PRODUCTS)
    # Distractors answer nothing, whatever their labels are.
    write(folder / "noise" / "gallery.parquet", [("dress", "red", ["long", "silk"], "n1"), ("hat", "red", None, "n2")])
    return folder.parent


def folds(root, plugins):
    task = lookbench(plugins.tasks[TASK], DataRoots(named={"lookbench": root}))
    return {fold.name: fold for fold in task.folds}, task


def test_rows(root):
    data = LookBench(root)
    assert (data.snapshot, data.sets) == ("v20251201", ("real_studio_flat",))
    looks = data.queries("real_studio_flat")
    assert [(look.id, look.item, look.category, look.main, sorted(look.others)) for look in looks] == [
        ("query/000000", "p1", "dress", "red", ["long", "silk"]),
        ("query/000001", "p2", "dress", "blue", ["short", "silk"]),
        ("query/000002", "p9", "boots", "black", ["high"]),
    ]
    assert [image.id for image in data.noise()] == ["noise/000000", "noise/000001"]
    assert data.counts() == {"queries/real_studio_flat": 3, "gallery/real_studio_flat": 4}
    found = status("lookbench", data, root, {}, verify=True)
    assert (found.missing, found.extra, found.synthetic) == ((), (), False)
    assert set(data.annotations()) == {"real_studio_flat/query", "real_studio_flat/gallery", "noise/gallery"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (", ".join, {"long", "silk"}),
        (lambda values: {"length": values[0], "fabric": values[1], "fit": None}, {"length: long", "fabric: silk"}),
        (lambda _: None, set()),
    ],
)
def test_attributes_in_another_form(root, form, expected):
    path = root / "v20251201" / "real_studio_flat" / "query.parquet"
    write(path, QUERIES[:1], form)
    (look,) = LookBench(root).queries("real_studio_flat")
    assert look.others == expected
    write(path, QUERIES[:1], len)
    with pytest.raises(DataError, match="row 0: other_attributes is int"):
        LookBench(root).queries("real_studio_flat")


def test_three_readings_of_relevance(root, plugins):
    found, task = folds(root, plugins)
    gallery = [f"gallery/{at:06d}" for at in range(4)]
    assert {name: [one.id for one in fold.gallery] for name, fold in found.items()} == {
        name: [*gallery, "noise/000000", "noise/000001"] for name in ("fine", "coarse", "attributes")
    }
    assert found["fine"].positives == {
        "query/000000": [gallery[0], gallery[1]],
        "query/000001": [gallery[2]],
        "query/000002": [],
    }
    assert found["coarse"].positives == {
        "query/000000": gallery[:3],
        "query/000001": gallery[:3],
        "query/000002": [],
    }
    assert found["attributes"].grades == {
        "query/000000": {gallery[0]: 1, gallery[1]: pytest.approx(1 / 3), gallery[2]: pytest.approx(2 / 3)},
        # The red and long silk dress shares the silk, the red and short one in wool the length, the blue one two of three.
        "query/000001": {
            gallery[0]: pytest.approx(1 / 3),
            gallery[1]: pytest.approx(1 / 3),
            gallery[2]: pytest.approx(2 / 3),
        },
        "query/000002": {},
    }
    assert found["fine"].clusters["query/000000"] == "p1"
    facts = task.info().facts
    assert facts["snapshot"] == "v20251201"
    assert facts["queries whose fine label no product has, misses"] == "1"
    assert task.info().sizes == {"queries": 3, "gallery": 6, "distractors": 2}


def test_a_backend_that_cannot_tell_images_apart_is_at_chance(root, plugins, store):
    (record,) = api.run(
        {"tasks": TASK, "backends": "control/constant", "data": {"lookbench": root}}, plugins=plugins, store=store
    )
    assert record.error is None
    value = {(part.id, part.slice): part.value for part in record.metrics}
    # Of six candidates two, one and none are of the fine label; three, three and none of the category.
    assert value["hit@1", "all"] == value["hit@1", "fine"] == pytest.approx((2 / 6 + 1 / 6) / 3)
    assert value["hit@1", "coarse"] == pytest.approx((3 / 6 + 3 / 6) / 3)
    discounts = [1 / log2(place + 1) for place in range(1, 6)]
    chance = []
    for grades in ([1, 2 / 3, 1 / 3], [2 / 3, 1 / 3, 1 / 3]):
        ideal = sum(grade * discount for grade, discount in zip(grades, discounts, strict=False))
        chance.append(sum(grades) / 6 * sum(discounts) / ideal)
    assert value["ndcg@5", "attributes"] == pytest.approx(sum(chance) / 3)


def test_the_oracle_finds_every_answer_that_there_is(root, plugins, store):
    (record,) = api.run(
        {"tasks": TASK, "backends": "control/oracle", "data": {"lookbench": root}}, plugins=plugins, store=store
    )
    assert record.metric("hit@1", "fine").value == record.metric("hit@1", "coarse").value == pytest.approx(2 / 3)


def test_a_root_may_be_the_snapshot_itself(root):
    assert LookBench(root / "v20251201").snapshot == "v20251201"


def test_several_snapshots(root):
    (root / "v20260601" / "real_studio_flat").mkdir(parents=True)
    with pytest.raises(DataError, match="with one snapshot; it has v20251201, v20260601"):
        LookBench(root)
    assert LookBench(root, "v20251201").snapshot == "v20251201"
    with pytest.raises(DataError, match="with the snapshot v20270101; it has"):
        LookBench(root, "v20270101")


def test_the_task_wants_its_snapshot(root, plugins):
    (root / "v20251201").rename(root / "v20260601")
    with pytest.raises(DataError, match="no folder of LookBench with the snapshot v20251201; it has v20260601"):
        folds(root, plugins)


def test_without_the_distractors_it_is_another_benchmark(root, plugins):
    (root / "v20251201" / "noise" / "gallery.parquet").unlink()
    with pytest.raises(DataError, match=r"noise/gallery\.parquet is not there"):
        folds(root, plugins)


def test_a_row_without_a_category_is_named(root):
    path = root / "v20251201" / "real_studio_flat" / "gallery.parquet"
    write(path, PRODUCTS, category=["dress", None, "dress", ""])
    with pytest.raises(DataError, match=r"gallery\.parquet: 2 rows have no category: 1, 3"):
        LookBench(root).gallery("real_studio_flat")


def test_the_twin_is_as_published(twin, source):
    data = LookBench(twin / "lookbench")
    assert set(data.annotations()) == {
        *(f"{name}/{split}" for name in data.sets for split in ("query", "gallery")),
        "noise/gallery",
    }
    products = source.world.products
    seen = set()
    for name in ("real_studio_flat", "aigen_studio", "real_streetlook", "aigen_streetlook"):
        queries, gallery = data.queries(name), data.gallery(name)
        assert [look.item for look in queries] == [look.item for look in gallery]
        assert seen.isdisjoint(look.item for look in gallery)
        seen |= {look.item for look in gallery}
        for query, answer in zip(queries, gallery, strict=True):
            product = products[int(query.item)]
            assert (query.category, query.main) == (answer.category, answer.main) == (product.category, product.colour)
            assert query.image.open().image.tobytes() != answer.image.open().image.tobytes()
    assert len(seen) > 4

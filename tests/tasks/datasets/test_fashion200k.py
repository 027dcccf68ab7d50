from __future__ import annotations

import json

import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.fashion200k import CATEGORIES as NAMES
from fashionbench_atelier.layouts.fashion200k import SPLITS as SPLIT_NAMES
from fashionbench_atelier.world.captions import short_title
from fashionbench_tasks.datasets.fashion200k import CATEGORIES, SPLITS, Fashion200K
from fashionbench_tasks.datasets.mbeir import MBeir


@pytest.fixture
def data(twin):
    return Fashion200K(twin / "fashion200k")


@pytest.fixture
def mbeir(twin):
    return MBeir(twin / "fashion200k-mbeir")


def pool(source, split, category=None):
    return [
        p
        for p in source.products(*SPLIT_NAMES[split])
        if p.category in NAMES and (category is None or NAMES[p.category] == category)
    ]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("category", CATEGORIES)
def test_photos_are_those_of_the_world(data, source, category, split):
    photos = data.photos(category, split)
    products = pool(source, split, category)
    assert [p.description for p in photos] == [
        short_title(source.world.seed, product).text for product in products for _ in source.photo_keys(product)
    ]
    assert len({photo.product for photo in photos}) == len(products)
    assert all(0 <= photo.score <= 1 and photo.category == category for photo in photos)


def test_every_photo_is_there_and_no_other(data, twin):
    found = status("fashion200k", data, twin / "fashion200k", {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable)) == ((), (), {})
    assert found.images == sum(count for count, _ in found.counts.values())


def test_missing_and_extra_photos_are_named(copied):
    root = copied("fashion200k")
    victim = next(iter(Fashion200K(root).images()))
    (root / victim).rename(root / victim.replace(".jpeg", "x.jpeg"))
    found = status("fashion200k", Fashion200K(root), root, {})
    assert (found.missing, found.extra) == ((victim,), (victim.replace(".jpeg", "x.jpeg"),))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("women/dresses/x/1/1_0.jpeg 0.9 blue dress", "expected path, score, text"),
        ("women/dresses/x/1/1_0.jpeg\thigh\tblue dress", "expected path, score, text"),
        ("women/dresses/x/1/1_0.jpeg\tnan\tblue dress", "the score is nan"),
        ("../../1_0.jpeg\t0.9\tblue dress", "leads out"),
        ("/etc/1_0.jpeg\t0.9\tblue dress", "leads out"),
    ],
)
def test_a_malformed_label_is_named(copied, line, said):
    root = copied("fashion200k")
    path = root / "labels" / "dress_test_detect_all.txt"
    lines = path.read_text().splitlines()
    lines.insert(2, line)
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=said) as caught:
        Fashion200K(root).photos("dress", "test")
    assert said == "leads out" or "dress_test_detect_all.txt, line 3" in str(caught.value)


def test_a_label_file_that_is_missing_or_no_text_is_named(copied, tmp_path):
    root = copied("fashion200k")
    (root / "labels" / "dress_test_detect_all.txt").unlink()
    (root / "labels" / "top_test_detect_all.txt").write_bytes(b"\xff\t0.9\tx")
    data = Fashion200K(root)
    for category in ("dress", "top"):
        with pytest.raises(DataError, match=f"{category}_test_detect_all"):
            data.photos(category, "test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="folder of labels"):
        Fashion200K(tmp_path / "empty")


def test_mbeir_finds_every_photo_of_a_title(mbeir, data, source):
    task = mbeir.task(0)
    titles = {}
    for category in CATEGORIES:
        for split in SPLITS:
            for photo in data.photos(category, split):
                titles.setdefault(photo.description, set()).add(photo.id.replace(".jpeg", ".jpg"))
    images = {entry.id: entry.image for entry in task.candidates}
    assert len(images) == len(data.images())
    wanted = {short_title(source.world.seed, product).text for product in pool(source, "test")}
    assert sorted(entry.text for entry in task.queries) == sorted(wanted)
    for query in task.queries:
        found = {images[name].partition("fashion200k_images/")[2] for name in task.qrels[query.id]}
        assert found == titles[query.text]


def test_mbeir_gives_each_test_photo_its_one_title(mbeir, data):
    task = mbeir.task(3)
    texts = {entry.id: entry.text for entry in task.candidates}
    assert len(set(texts.values())) == len(texts)
    described = {p.id.replace(".jpeg", ".jpg"): p.description for c in CATEGORIES for p in data.photos(c, "test")}
    assert len(task.queries) == len(described)
    for query in task.queries:
        (positive,) = task.qrels[query.id]
        assert texts[positive] == described[query.image.partition("fashion200k_images/")[2]]


def test_mbeir_counts_and_images(mbeir, twin):
    found = status("fashion200k-mbeir", mbeir, twin / "fashion200k-mbeir", {})
    assert (found.missing, found.extra, found.synthetic) == ((), (), True)
    counts = mbeir.counts()
    assert counts["positives/task3"] == counts["queries/task3"]
    assert counts["positives/task0"] >= counts["queries/task0"]
    assert counts["candidates/task0"] == found.images
    with Image.open(next(iter(mbeir.images().values()))) as image:
        assert image.format == "JPEG"


def rewrite(path, at, change):
    rows = path.read_text().splitlines()
    rows[at] = change(rows[at])
    path.write_text("\n".join(rows))


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        ("query/test/mbeir_fashion200k_task0_test.jsonl", lambda row: row[:-2], "line 2 is not JSON"),
        ("query/test/mbeir_fashion200k_task0_test.jsonl", lambda _: '{"qid": 3}', "entry 2: 'qid' is int"),
        ("query/test/mbeir_fashion200k_task0_test.jsonl", lambda _: '{"qid": "1:1"}', "1:1 has neither text nor image"),
        ("cand_pool/local/mbeir_fashion200k_task0_cand_pool.jsonl", lambda _: "[]", "entry 2 is no object"),
        ("qrels/test/mbeir_fashion200k_task0_test_qrels.txt", lambda _: "1:1 0 1:2", "line 2: expected"),
        ("qrels/test/mbeir_fashion200k_task0_test_qrels.txt", lambda _: "1:1 0 1:2 yes", "line 2: expected"),
    ],
)
def test_a_malformed_line_is_named(copied, place, change, said):
    root = copied("fashion200k-mbeir")
    rewrite(root / place, 1, change)
    with pytest.raises(DataError, match=said) as caught:
        MBeir(root).task(0)
    assert place.rpartition("/")[2] in str(caught.value)


def test_candidates_of_relevance_zero_are_no_positives(copied):
    root = copied("fashion200k-mbeir")
    path = root / "qrels/test/mbeir_fashion200k_task3_test_qrels.txt"
    rewrite(path, 0, lambda row: row.replace(" 1 3", " 0 3"))
    assert "1:0" not in MBeir(root).task(3).qrels


def test_a_image_cannot_lead_out_of_the_root(copied):
    root = copied("fashion200k-mbeir")
    row = {"qid": "1:9", "query_img_path": "../x.jpg"}
    rewrite(root / "query/test/mbeir_fashion200k_task3_test.jsonl", 0, lambda _: json.dumps(row))
    with pytest.raises(DataError, match="leads out"):
        MBeir(root).images()


def test_a_task_without_qrels_is_an_error(copied, tmp_path):
    root = copied("fashion200k-mbeir")
    (root / "qrels/test/mbeir_fashion200k_task0_test_qrels.txt").unlink()
    with pytest.raises(DataError, match="task0_test_qrels"):
        MBeir(root).task(0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="folder of queries"):
        MBeir(tmp_path / "empty")

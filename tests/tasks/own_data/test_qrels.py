"""Graded judgements beside a manifest: how they count, in every form of the file, and what is wrong with its rows."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import fashionbench
from fashionbench.cli.main import main

COLOURS = {"red": (250, 0, 0), "rust": (220, 60, 20), "green": (0, 250, 0), "blue": (0, 40, 250)}


@fashionbench.model("test/graded-colour")
class Colour:
    """The mean colour of an image, and the colour that a text names."""

    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, float).mean(axis=(0, 1)) - 100 for item in items])

    def encode_texts(self, items, role):
        return np.stack([np.asarray(COLOURS[item.text.split()[-1]], float) - 100 for item in items])

    def encode_composed(self, items):
        return self.encode_texts(items, "query")


@pytest.fixture
def shop(tmp_path):
    root = tmp_path / "shop"
    (root / "photos").mkdir(parents=True)
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 8), colour).save(root / "photos" / f"{name}.png")
    write(root / "manifest.csv", [{"image": f"photos/{name}.png", "text": f"in {name}"} for name in COLOURS])
    return root


def write(path, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def judge(root, *rows):
    write(root / "qrels.csv", [dict(zip(("query_id", "candidate_id", "grade"), row, strict=True)) for row in rows])


def run(task, root, store):
    (record,) = fashionbench.run({"tasks": [task], "backends": [Colour], "data": {"manifest": str(root)}}, store=store)
    assert record.status == "ok", record.error
    return record


def value(record, metric, slice_="all"):
    return next(m.value for m in record.metrics if m.id == metric and m.slice == slice_)


def cosine_order(asked):
    """Colours as the model ranks them for a colour."""
    at = np.asarray(COLOURS[asked], float) - 100
    scores = {n: float(at @ (np.asarray(c, float) - 100) / np.linalg.norm(np.asarray(c, float) - 100)) for n, c in COLOURS.items()}  # fmt: skip
    return sorted(scores, key=scores.__getitem__, reverse=True)


def ndcg(order, grades):
    gains = [grades.get(name, 0) for name in order]
    dcg = lambda values: sum(v / math.log2(at + 2) for at, v in enumerate(values))  # noqa: E731
    return dcg(gains) / dcg(sorted(gains, reverse=True))


ROWS = [
    ("text/photos/red.png", "photos/red.png", "1"),
    ("text/photos/red.png", "photos/rust.png", "3"),
    ("text/photos/red.png", "photos/green.png", "0"),
]


def as_csv(root):
    judge(root, *ROWS)


def as_json_lines(root):
    rows = [{"query": q, "image": c, "relevance": int(g)} for q, c, g in ROWS]
    (root / "qrels.jsonl").write_text("\n".join(map(json.dumps, rows)))


def as_parquet(root):
    pq.write_table(pa.table({"query_id": [q for q, _, _ in ROWS], "candidate_id": [c for _, c, _ in ROWS], "grade": [float(g) for _, _, g in ROWS]}), root / "qrels.parquet")  # fmt: skip


def as_trec(root):
    (root / "qrels.txt").write_text("".join(f"{q} 0 {c} {g}\n" for q, c, g in ROWS))


def as_beir(root):
    (root / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{c}\t{g}\n" for q, c, g in ROWS))


def by_text_without_extension(root):
    judge(root, *(("in red", c.removesuffix(".png").removeprefix("photos/"), g) for _, c, g in ROWS))


@pytest.mark.parametrize("form", [as_csv, as_json_lines, as_parquet, as_trec, as_beir, by_text_without_extension])
def test_a_judged_query_has_its_grades_and_the_others_what_the_manifest_says(form, shop, tmp_path):
    before = run("manifest/text-to-image", shop, tmp_path / "store")
    assert value(before, "ndcg@10") == 1.0
    form(shop)
    record = run("manifest/text-to-image", shop, tmp_path / "store")
    judged = ndcg(cosine_order("red"), {"red": 1, "rust": 3})
    assert value(record, "ndcg@10") == pytest.approx((judged + 3) / 4)
    assert 0 < judged < 1
    # Two positives of the red text: one of them is first.
    assert value(record, "recall@1") == pytest.approx((0.5 + 3) / 4)
    assert record.dataset.facts["queries with graded judgements"] == "1 of 8"
    assert record.dataset.facts["judgements of grade 0 or below, not relevant"] == "1 of 3"
    assert record.dataset.fingerprint != before.dataset.fingerprint
    assert main(["data", "check", str(shop)]) == 0


def test_judgements_of_one_direction_leave_the_other_as_it_is(shop, tmp_path):
    judge(shop, *ROWS)
    record = run("manifest/image-to-text", shop, tmp_path / "store")
    assert value(record, "ndcg@10") == 1.0 and value(record, "recall@1") == 1.0


def test_grades_of_predictions_made_elsewhere(shop, tmp_path, capsys):
    judge(shop, *ROWS)
    lists = {f"text/photos/{name}.png": [f"photos/{other}.png" for other in cosine_order(name)] for name in COLOURS}
    (tmp_path / "lists.json").write_text(json.dumps(lists))
    command = ["score", "manifest/text-to-image", "--predictions", str(tmp_path / "lists.json")]
    assert main([*command, "--data", f"manifest={shop}", "--store", str(tmp_path / "store"), "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["metrics"]
    scored = next(part["value"] for part in parts if (part["id"], part["slice"]) == ("ndcg@10", "all"))
    assert scored == pytest.approx((ndcg(cosine_order("red"), {"red": 1, "rust": 3}) + 3) / 4)


def test_composed_queries_by_their_own_names(shop, tmp_path):
    rows = [
        {"reference": "photos/blue.png", "text": "in red", "target": "photos/red.png", "query": "q1"},
        {"reference": "photos/blue.png", "text": "in green", "target": "photos/green.png", "query": "q2"},
        {"reference": "photos/red.png", "text": "in blue", "target": "photos/rust.png", "query": "q3"},
    ]
    write(shop / "manifest.csv", rows)
    judge(shop, ("q1", "photos/rust.png", 2), ("q1", "photos/red.png", 1), ("q1", "photos/blue.png", 0))
    record = run("manifest/composed", shop, tmp_path / "store")
    order = [name for name in cosine_order("red") if name != "blue"]
    judged = ndcg(order, {"rust": 2, "red": 1})
    of = {q: ndcg([n for n in cosine_order(c) if n != r], {t: 1}) for q, c, r, t in (("q2", "green", "blue", "green"), ("q3", "blue", "red", "rust"))}  # fmt: skip
    assert value(record, "ndcg@10") == pytest.approx((judged + sum(of.values())) / 3)
    judge(shop, ("q1", "photos/blue.png", 1))
    assert main(["data", "check", str(shop)]) == 1
    rows[1]["query"] = "q1"
    write(shop / "manifest.csv", rows)
    with pytest.raises(AssertionError, match="the query 'q1' is also 'photos/blue.png in red'"):
        run("manifest/composed", shop, tmp_path / "store")


def test_a_photo_without_another_of_its_group_is_a_query_where_it_is_judged(shop, tmp_path):
    groups = {"red": "a", "rust": "a", "green": "b", "blue": "c"}
    write(shop / "manifest.csv", [{"image": f"photos/{n}.png", "group": g} for n, g in groups.items()])
    judge(shop, ("photos/green.png", "photos/rust.png", 2), ("photos/green.png", "photos/blue.png", 1))
    record = run("manifest/image-to-image", shop, tmp_path / "store")
    assert record.dataset.sizes["queries"] == 3
    assert record.dataset.facts["queries without another photo of their group, left out"] == "1"
    judged = ndcg([name for name in cosine_order("green") if name != "green"], {"rust": 2, "blue": 1})
    assert value(record, "ndcg@10") == pytest.approx((2 + judged) / 3)


def test_a_relevant_photo_that_is_not_there_is_no_positive(shop, tmp_path):
    judge(shop, *ROWS)
    (shop / "photos" / "rust.png").unlink()
    record = run("manifest/text-to-image", shop, tmp_path / "store")
    # The text of the photo that is lost is a miss, and of the red one's answers one is left, at the first place.
    assert value(record, "ndcg@10") == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("text/photos/pink.png", "photos/red.png", "1"), "'text/photos/pink.png' is no query; queries are"),
        (("in red", "photos/pink.png", "1"), "'photos/pink.png' is no candidate; candidates are"),
        (("in red", "photos/red.png", "good"), "the grade 'good' is no finite number"),
        (("in red", "photos/red.png", "nan"), "the grade 'nan' is no finite number"),
        (("in blue", "photos/blue.png", "2"), "it judges what row 2 does"),
        (("in red", "photos/red.png", "0"), "nothing answers 'text/photos/red.png': none of its grades is above 0"),
    ],
)
def test_each_wrong_row_is_explained(row, message, shop, tmp_path, capsys):
    judge(shop, ("in blue", "photos/blue.png", "1"), row)
    assert main(["data", "check", str(shop), "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)
    assert fault.startswith("qrels.csv, row 3: ") and message in fault
    # What the check explains, the task refuses.
    with pytest.raises(AssertionError, match="row 3: "):
        run("manifest/text-to-image", shop, tmp_path / "store")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("qrels.csv", "query_id,photo,grade\na,b,1\n", "has the columns query_id, photo, grade"),
        ("qrels.txt", "a 0 b\n", "has the columns a, 0, b"),
        ("qrels.csv", "query_id,candidate_id,grade\n", "has no rows"),
    ],
)
def test_a_file_of_another_form_is_refused(name, text, message, shop, capsys):
    (shop / name).write_text(text)
    assert main(["data", "check", str(shop)]) == 2
    assert message in capsys.readouterr().err


def test_two_files_and_a_kind_that_is_not_ranked(shop, capsys):
    judge(shop, *ROWS)
    as_trec(shop)
    assert main(["data", "check", str(shop)]) == 2
    assert "qrels.csv and qrels.txt" in capsys.readouterr().err
    (shop / "qrels.txt").unlink()
    write(shop / "manifest.csv", [{"person": "photos/red.png", "garment": "photos/blue.png"}])
    assert main(["data", "check", str(shop)]) == 2
    assert "no task reads it" in capsys.readouterr().err

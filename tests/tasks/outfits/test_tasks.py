"""Outfit tasks on sets of a few items: what an oracle reaches, and what a missing photo costs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.data.shown_items import ShowsItems
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.studies.examples import case_values, examples_of
from fashionbench_tasks.outfits.fill_in_the_blank import FillInTheBlank

# Item 1 stands in two outfits, and so in two questions with two answers; each answer is a wrong choice of the other.
OUTFITS = {"a": ["1", "2", "3"], "b": ["1", "4", "5"], "c": ["6", "7", "8"], "d": ["2", "4", "6"]}
QUESTIONS = [
    (["a_0", "a_1"], ["a_2", "b_2", "c_2"]),
    (["b_0", "b_1"], ["a_2", "b_2", "c_0"]),
    (["b_0", "a_1"], ["b_2", "a_2", "c_2"]),
    (["c_0"], ["d_1", "a_0", "c_1"]),
    (["d_0", "d_1"], ["b_0", "c_1", "d_2"]),
]
LABELS = ["1 a_0 a_1 a_2", "1 b_0 b_1 b_2", "0 a_0 b_1 c_2", "0 a_0 a_1 b_2", "1 d_0 d_1 d_2", "0 c_0 c_1 d_1"]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "polyvore" / "nondisjoint"
    (tmp_path / "polyvore" / "images").mkdir(parents=True)
    folder.mkdir()
    listed = [{"set_id": n, "items": [{"index": i, "item_id": x} for i, x in enumerate(o)]} for n, o in OUTFITS.items()]
    (folder / "test.json").write_text(json.dumps(listed))
    asked = [{"question": question, "answers": answers} for question, answers in QUESTIONS]
    (folder / "fill_in_blank_test.json").write_text(json.dumps(asked))
    (folder / "compatibility_test.txt").write_text("\n".join(LABELS))
    for at in range(1, 9):
        Image.new("RGB", (8, 8), (30 * at, 255 - 20 * at, 10 * at)).save(photo(tmp_path / "polyvore", at))
    return tmp_path / "polyvore"


def photo(root, item):
    return root / "images" / f"{item}.jpg"


@pytest.fixture
def run(root, tmp_path):
    def once(task, backend):
        fields = {"tasks": f"polyvore/{task}", "backends": backend, "data": {"polyvore": root}}
        return api.run(fields, plugins=Plugins(strict=True), store=Store(tmp_path / "results"))[0]

    return once


def test_the_oracle_is_right_where_items_stand_in_several_questions(run):
    blank, compatible = run("fill-in-the-blank", "control/oracle"), run("compatibility", "control/oracle")
    assert (blank.metric("hit@1").value, blank.metric("mrr").value) == (1.0, 1.0)
    assert compatible.metric("roc-auc").value == 1.0


def test_a_constant_backend_stays_at_chance(run):
    assert run("fill-in-the-blank", "control/constant").metric("hit@1").value == pytest.approx(1 / 3)
    assert run("compatibility", "control/constant").metric("roc-auc").value == 0.5


def test_a_question_without_a_photo_is_a_miss_and_the_others_are_asked(root, run):
    # Item 8 is c_2: a wrong choice of the first and third question, and no item of the others.
    photo(root, 8).unlink()
    record = run("fill-in-the-blank", "control/oracle")
    assert (record.metric("hit@1").value, record.metric("hit@1").n) == (3 / 5, 5)
    assert record.dataset.missing == ("8",)


def test_a_set_without_a_photo_is_on_the_wrong_side_of_all_others(root, run):
    # Of three sets of each label, d lacks a photo: it is below all, and with it 3 of 9 pairs are lost.
    photo(root, 6).write_bytes(b"no image")
    record = run("compatibility", "control/oracle")
    assert set(record.dataset.unreadable) == {"6"}
    # The set with c_0 is above all, which loses the pairs with the two sound positive sets as well.
    assert record.metric("roc-auc").value == pytest.approx(4 / 9)


def test_photos_that_are_all_damaged_are_not_called_missing(root, run):
    for at in range(1, 9):
        photo(root, at).write_bytes(b"")
    error = run("fill-in-the-blank", "control/oracle").error
    assert error.message.startswith("8 of 8 images of polyvore cannot be read: 1 (")
    assert "is there" not in error.message


def test_without_any_photo_the_folder_is_named(root, run):
    for at in range(1, 9):
        photo(root, at).unlink()
    record = run("fill-in-the-blank", "control/oracle")
    assert record.status == "error"
    assert "none of the 8 items is there" in record.error.message
    assert "images" in record.error.message


def test_labelled_sets_that_stand_again_are_in_the_record_and_in_a_line(root, run):
    (root / "nondisjoint" / "compatibility_test.txt").write_text("\n".join([*LABELS, "1 a_2 a_0 a_1"]))
    record = run("compatibility", "control/oracle")
    assert record.metric("roc-auc").n == 7
    line = "labelled sets that stand again: 1 of 7, each counted as it stands: outfit-00007 (outfit-00001)"
    assert record.dataset.counted_facts == [line]


def test_questions_with_an_item_at_two_places_are_answered_and_in_a_line(root, run):
    path = root / "nondisjoint" / "test.json"
    outfits = json.loads(path.read_text())
    outfits[0]["items"].append({"index": 3, "item_id": "1"})
    path.write_text(json.dumps(outfits))
    asked = [*QUESTIONS, (["a_0", "a_1", "a_3"], ["c_1", "a_2", "b_2"])]
    entries = [{"question": question, "answers": answers} for question, answers in asked]
    (root / "nondisjoint" / "fill_in_blank_test.json").write_text(json.dumps(entries))
    record = run("fill-in-the-blank", "control/oracle")
    assert (record.metric("hit@1").value, record.metric("hit@1").n) == (1.0, 6)
    line = "questions that show an item twice: 1 of 6, each counted as it stands: blank-00005"
    assert record.dataset.counted_facts == [line]


def test_a_question_shows_its_items_and_its_candidates_best_first(root, run, tmp_path):
    record, store = run("fill-in-the-blank", "control/oracle"), Store(tmp_path / "results")
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [row["top_ids"][0] for row in rows] == [row["positive_ids"][0] for row in rows]
    assert all(row["top_scores"] == sorted(row["top_scores"], reverse=True) for row in rows)
    plugins = Plugins(strict=True)
    task = FillInTheBlank(plugins.tasks["polyvore/fill-in-the-blank"], DataRoots(named={"polyvore": root}))
    assert [{*row["top_ids"]} for row in rows] == [{*question.candidates} for question in task.questions]
    assert isinstance(task, ShowsItems)
    question = task.questions[0]
    (shown,) = task.shown("all", "query", {question.id, "unknown"}).values()
    assert list(shown.images) == [f"item {at}" for at in range(1, len(question.items) + 1)]
    opened = np.asarray(Image.open(task.paths[question.items[0]]).convert("RGB"))
    assert np.array_equal(np.asarray(shown.images["item 1"]), opened)
    assert list(task.shown("all", "candidate", {question.answer, "unknown"})) == [question.answer]


def test_a_question_without_a_photo_stores_no_answers(root, run, tmp_path):
    photo(root, 8).unlink()
    record = run("fill-in-the-blank", "baseline/colour-histogram")
    rows = Store(tmp_path / "results").read_predictions(record.predictions).to_pylist()
    assert [bool(row["top_ids"]) for row in rows] == [bool(row["positive_ids"]) for row in rows]
    assert not all(row["top_ids"] for row in rows)


def test_sets_are_shown_worst_first_by_their_part_of_the_curve(run, tmp_path):
    record, store = run("compatibility", "baseline/colour-histogram"), Store(tmp_path / "results")
    rows = store.read_predictions(record.predictions).to_pylist()
    found = examples_of(record, store, Plugins())
    assert found.kind == "scored"
    assert {case.asked.id for case in found.cases} == {row["item_id"] for row in rows}
    values = case_values(record, store.read_predictions(record.predictions), store, Plugins()).values
    for label in (True, False):
        shares = [values["all", row["item_id"]] for row in rows if row["label"] == label]
        # Of each label the mean share is the area under the curve.
        assert np.mean(shares) == pytest.approx(record.metric("roc-auc").value)
    shown = [values["all", case.asked.id] for case in found.cases]
    assert shown == sorted(shown)
    first, row = found.cases[0], next(row for row in rows if row["item_id"] == found.cases[0].asked.id)
    assert first.answers[0].text == f"score {row['score']:.3f}"
    assert first.expected[0].text == ("belongs together" if row["label"] else "does not belong together")

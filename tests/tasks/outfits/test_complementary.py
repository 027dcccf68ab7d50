"""Complementary item retrieval on a few items: ranks by hand, what is no candidate, what a missing photo costs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench_baselines.controls.unit_vectors import unit_vector
from fashionbench_tasks.outfits.complementary import Complementary
from fashionbench_tasks.outfits.completion_scores import CompletionScores
from fashionbench_tasks.outfits.outfit_triplets import outfit_triplets

OUTFITS = {"a": ["1", "2", "3"], "b": ["1", "4", "5"], "c": ["6", "7", "8"], "d": ["2", "4", "6"]}
CATEGORIES = {
    "1": "tops", "2": "tops", "3": "shoes", "4": "shoes", "5": "shoes", "6": "bags", "7": "tops", "8": "shoes",
}  # fmt: skip
#: Items 3 and 4 are of one fine category, the other shoes each of one of their own.
FINE = {"3": "41", "4": "41", "5": "46", "8": "47"}
#: The missing items are 3, 5, 7 (top among bag and shoes) and 4, beside which 3 and 5 and 8 are other shoes.
QUESTIONS = [
    (["a_0", "a_1"], ["a_2", "b_2", "c_2"]),
    (["b_0", "b_1"], ["a_2", "b_2", "c_0"]),
    (["c_0", "c_2"], ["d_1", "a_0", "c_1"]),
    (["d_0", "d_2"], ["b_0", "c_1", "d_1"]),
]
#: Item 1 is a target of three triplets, 2 and 4 of two each, 9 of one, which no test outfit holds.
TRAIN = {"x": ["1", "2", "4"], "y": ["1", "9"]}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "polyvore"
    folder = root / "nondisjoint"
    (root / "images").mkdir(parents=True)
    folder.mkdir()
    for split, outfits in (("test", OUTFITS), ("train", TRAIN)):
        listed = [
            {"set_id": n, "items": [{"index": i, "item_id": x} for i, x in enumerate(o)]} for n, o in outfits.items()
        ]
        (folder / f"{split}.json").write_text(json.dumps(listed))
    asked = [{"question": question, "answers": answers} for question, answers in QUESTIONS]
    (folder / "fill_in_blank_test.json").write_text(json.dumps(asked))
    categories = {**CATEGORIES, "9": "bags"}
    described = {
        name: {"semantic_category": category, "category_id": FINE.get(name, "1")}
        for name, category in categories.items()
    }
    (root / "polyvore_item_metadata.json").write_text(json.dumps(described))
    for at in range(1, 10):
        Image.new("RGB", (8, 8), (25 * at, 255 - 20 * at, 10 * at)).save(root / "images" / f"{at}.jpg")
    return root


@pytest.fixture
def run(root, tmp_path):
    def once(task, backend):
        fields = {"tasks": f"polyvore/{task}", "backends": backend, "data": {"polyvore": root}}
        store = Store(tmp_path / "results")
        record = api.run(fields, plugins=Plugins(strict=True), store=store)[0]
        return record, store.read_predictions(record.predictions).to_pylist() if record.predictions else []

    return once


def pool_of(task, answer):
    if task == "complementary-all":
        return set(CATEGORIES)
    kind = CATEGORIES if task == "complementary" else {name: FINE.get(name, "1") for name in CATEGORIES}
    return {name for name in CATEGORIES if kind[name] == kind[answer]}


def items_of(names):
    return [OUTFITS[name.partition("_")[0]][int(name.partition("_")[2])] for name in names]


@pytest.mark.parametrize("task", ["complementary", "complementary-fine", "complementary-all"])
def test_ranks_are_those_of_the_mean_cosine_over_the_other_items_of_the_gallery(run, task):
    record, rows = run(task, "control/random")
    assert record.status == "ok", record.error
    answers = ["3", "5", "7", "4"]
    for row, (question, _), answer in zip(rows, QUESTIONS, answers, strict=True):
        given = items_of(question)
        candidates = sorted(pool_of(task, answer) - set(given))
        queries = [unit_vector(256, 0, "query", item).astype(float) for item in given]
        scores = {
            name: np.mean([query @ unit_vector(256, 0, "candidate", name) for query in queries]) for name in candidates
        }
        best = sorted(candidates, key=lambda name: -scores[name])
        assert row["top_ids"] == best
        assert row["top_scores"] == pytest.approx([scores[name] for name in best], abs=1e-6)
        assert (row["positive_ids"], row["n_candidates"]) == ([answer], len(candidates))
        assert (row["better"], row["tied"]) == ([best.index(answer)], [0])
        assert row["further_slices"] == [f"missing/{CATEGORIES[answer]}"]
    expected = np.mean([1 / (1 + row["better"][0]) for row in rows])
    assert record.metric("mrr").value == pytest.approx(expected)
    assert record.dataset.sizes == {"questions": 4, "items": 8, "gallery": 8}


def test_the_oracle_is_right_and_a_constant_backend_is_at_the_chance_of_the_category(run):
    for task in ("complementary", "complementary-all"):
        oracle, _ = run(task, "control/oracle")
        assert (oracle.metric("recall@10").value, oracle.metric("mrr").value) == (1.0, 1.0)
    # Shoes are 3, 4, 5, 8 less what is shown, tops 1, 2, 7: the category alone, without a look at the outfit.
    constant, _ = run("complementary", "control/constant")
    chance = [np.mean([1 / (rank + 1) for rank in range(n)]) for n in (4, 3, 3, 4)]
    assert constant.metric("mrr").value == pytest.approx(np.mean(chance))
    every, _ = run("complementary-all", "control/constant")
    assert every.metric("mrr").value == pytest.approx(np.mean([1 / (rank + 1) for rank in range(6)]))


def test_what_is_worn_most_often_in_training_comes_first_whatever_is_asked(run):
    record, rows = run("complementary-all", "control/popular-target")
    assert record.status == "ok", record.error
    # Of 1, 2 and 4, which training has 3, 2 and 2 times, those that are not shown lead; the others tie at 0.
    assert [row["top_ids"][:2] for row in rows] == [["4", "3"], ["2", "3"], ["1", "2"], ["1", "4"]]
    assert rows[2]["top_scores"][:3] == pytest.approx([1, 2 / 3, 2 / 3], abs=1e-6)
    assert [(row["better"], row["tied"]) for row in rows] == [([1], [4]), ([1], [4]), ([3], [2]), ([1], [0])]
    # Items of training that are measured too are said, for the version nondisjoint shares them among splits.
    assert any("are measured too" in finding.message for finding in record.policy)


def test_training_is_every_ordered_pair_of_an_outfit_with_the_category_of_the_second(root, plugins):
    task = Complementary(plugins.tasks["polyvore/complementary"], DataRoots(named={"polyvore": root}))
    training = task.training()
    assert [*training.triplets.names] == [
        ("1", "tops", "2"), ("1", "shoes", "4"), ("2", "tops", "1"), ("2", "shoes", "4"), ("4", "tops", "1"),
        ("4", "tops", "2"), ("1", "bags", "9"), ("9", "tops", "1"),
    ]  # fmt: skip
    first = training.triplets[1]
    assert (first.reference.id, first.text.text, first.target.id) == ("1", "shoes", "4")
    assert first.target.image.size == (8, 8)
    (root / "images" / "9.jpg").unlink()
    assert len(outfit_triplets(task.data).triplets) == 6
    (root / "nondisjoint" / "train.json").unlink()
    assert outfit_triplets(task.data) is None


def test_a_question_without_a_photo_is_a_miss_and_a_candidate_without_one_is_none(root, run):
    (root / "images" / "8.jpg").unlink()
    record, rows = run("complementary", "control/oracle")
    # Item 8 is shown by the third question, and a candidate of the others but it.
    assert [row["positive_ids"] for row in rows] == [["3"], ["5"], [], ["4"]]
    assert [row["n_candidates"] for row in rows] == [3, 2, 3, 3]
    assert record.metric("mrr").value == 3 / 4
    assert record.dataset.missing == ("8",)


def test_metadata_and_gallery_are_part_of_the_data_and_of_no_other_task(root, plugins):
    def fingerprint(task):
        spec = plugins.tasks[f"polyvore/{task}"]
        return api_task(spec, root).info().fingerprint

    before = {task: fingerprint(task) for task in ("complementary", "fill-in-the-blank")}
    path = root / "polyvore_item_metadata.json"
    path.write_text(path.read_text() + "\n")
    assert fingerprint("complementary") != before["complementary"]
    assert fingerprint("fill-in-the-blank") == before["fill-in-the-blank"]
    path.unlink()
    assert fingerprint("fill-in-the-blank") == before["fill-in-the-blank"]
    with pytest.raises(DataError, match=r"polyvore_item_metadata\.json cannot be read"):
        fingerprint("complementary")


def api_task(spec, root):
    from fashionbench.specs import resolve

    return resolve(spec.target)(spec, DataRoots(named={"polyvore": root}))


def test_a_question_whose_answer_stands_alone_is_counted(root, run):
    path = root / "polyvore_item_metadata.json"
    rows = json.loads(path.read_text())
    rows["7"]["semantic_category"] = "hats"
    path.write_text(json.dumps(rows))
    record, _ = run("complementary", "control/constant")
    said = "questions whose gallery holds the right answer alone: 1 of 4, right by whatever is answered: blank-00002"
    assert record.dataset.counted_facts == [said]


@pytest.mark.parametrize("vectors", [1, 3])
def test_scores_are_means_of_greatest_cosines(vectors):
    rng = np.random.default_rng(5)
    given, gallery = rng.normal(size=(5, vectors, 4)), rng.normal(size=(600, vectors, 4))
    rows = [*range(0, 600, 1)][::-1]
    outfits = [[0, 1], [2, 2, 3], [4]]
    found = CompletionScores(given.astype(np.float32), gallery.astype(np.float32), rows).of(outfits)

    def cosine(one, two):
        return max(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a in one for b in two)

    assert found.shape == (3, 600)
    for at, outfit in enumerate(outfits):
        for column in (0, 7, 511, 512, 599):
            wanted = np.mean([cosine(given[item], gallery[rows[column]]) for item in outfit])
            assert found[at, column] == pytest.approx(wanted, abs=1e-6)
    flat = CompletionScores(given[:, 0].astype(np.float32), gallery[:, 0].astype(np.float32), rows[:3]).of([[1]])
    assert flat[0, 2] == pytest.approx(cosine(given[1, :1], gallery[rows[2], :1]), abs=1e-6)

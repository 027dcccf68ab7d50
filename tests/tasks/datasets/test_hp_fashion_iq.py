"""HP-FashionIQ on invented rows in the shape in which it is published; expected values are written by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError, MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.retrieval.preference import (
    Preference,
    preference_accuracy,
    preference_ratio,
    preference_table,
)
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import BackendSpec
from fashionbench_tasks.datasets.hp_fashion_iq import Choice, HPFashionIQ
from fashionbench_tasks.retrieval.composed.preference import ListPreference

TASK = "hp-fashion-iq/preference"
NAMES = ["R", "A", "B", "C", "D"]


def path(name, category="dress"):
    return f"/-/image_data/{category}/{name}.jpg"


def questions(one, two, preferred):
    return {
        "ref_img_paths": [path("R")],
        "targ_img_paths": [path("A")],
        "sentences": ["is longer"],
        "retrieved_set1": [{"img_path": [path(name) for name in one], "user_score": "4"}],
        "retrieved_set2": [{"img_path": [path(name) for name in two], "user_score": "2"}],
        "preferred set": [preferred],
    }


PERSONS = {
    "u1": {"s1": questions("AB", "CD", "1")},
    "u2": {"s1": questions("C", "A", "2"), "s2": questions("D", "B", "1")},
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images").mkdir()
    for at, name in enumerate(NAMES):
        Image.new("RGB", (4, 4), (50 * at, 90, 10)).save(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "hpfiq.json").write_text(json.dumps(PERSONS))
    return tmp_path


def run(root, plugins, store, backend):
    fields = {"tasks": TASK, "backends": backend, "data": {"hp-fashion-iq": root}}
    (record,) = api.run(fields, plugins=plugins, store=store)
    assert record.error is None
    return record


def test_rows(root):
    data = HPFashionIQ(root)
    assert data.choices() == [
        Choice("u1/s1/0", "u1", "dress", "R", "is longer", (("A", "B"), ("C", "D")), True),
        Choice("u2/s1/0", "u2", "dress", "R", "is longer", (("C",), ("A",)), False),
        Choice("u2/s2/0", "u2", "dress", "R", "is longer", (("D",), ("B",)), True),
    ]
    assert data.counts() == {"choices": 3, "persons": 2}
    assert set(data.images()) == set(NAMES)


def scored(*rows):
    return preference_table([Preference(str(at), "all", f"u{at % 2}", *row) for at, row in enumerate(rows)])


def test_the_ratio_counts_the_choices_in_which_the_first_list_scores_higher():
    table = scored((True, (0.9, 0.1)), (False, (0.8, 0.1)), (True, (0.3, 0.2)), (True, (0.1, 0.2)), (False, (0.1, 0.1)))
    arguments = MetricArguments((), {})
    ratio = preference_ratio(table, arguments)
    assert ratio.values.tolist() == [1, 0, 1]
    assert ratio.rows.tolist() == [True, True, True, False, False]
    # Of the five: right, wrong, right, wrong, and a tie.
    assert preference_accuracy(table, arguments).values.tolist() == [1, 0, 1, 0, 0.5]
    with pytest.raises(MetricError, match="in none of 1 choices"):
        preference_ratio(scored((True, (0.1, 0.1))), arguments)


def test_controls(root, plugins, store):
    constant = run(root, plugins, store, "control/constant")
    assert constant.metric("preference-accuracy").value == 0.5
    assert "preference-ratio" in {part.id for part in constant.absent}
    oracle = run(root, plugins, store, "control/oracle")
    assert oracle.metric("preference-accuracy").value == 1
    assert (oracle.metric("preference-ratio").value, oracle.metric("preference-ratio").n) == (1, 2)


class Given:
    """Embeds images by the vectors of their names, and every query alike."""

    VECTORS = {"A": (2, 0), "B": (0, 1), "C": (0.6, 0.8), "D": (-1, 0), "query": (1, 0)}

    def __init__(self, several):
        self.several = several

    def _rows(self, names):
        rows = np.array([self.VECTORS[name] for name in names], float)
        return np.stack([np.zeros_like(rows), rows], axis=1) if self.several else rows

    def encode_images(self, items, role):
        return self._rows([item.id for item in items])

    def encode_composed(self, items):
        return self._rows(["query"] * len(items))


@pytest.mark.parametrize("several", [False, True])
def test_a_list_scores_the_mean_cosine_of_its_images(root, plugins, several):
    task = ListPreference(plugins.tasks[TASK], DataRoots(named={"hp-fashion-iq": root}))
    spec = BackendSpec(
        id="t/given",
        summary="",
        target="a:b",
        revision="1",
        capabilities=frozenset({"encode-image", "encode-composed"}),
    )
    session = Session(spec, lambda: Given(several), owner=EmbeddingOwner(identity="x"), seed=0)
    rows = task.predict(session).table.to_pylist()
    assert [(row["item_id"], row["cluster"], row["slice"], row["first_preferred"]) for row in rows] == [
        ("u1/s1/0", "u1", "dress", True),
        ("u2/s1/0", "u2", "dress", False),
        ("u2/s2/0", "u2", "dress", True),
    ]
    # Of several vectors the greatest cosine counts, and one of zeros has none: no image is below 0.
    other = 0.3 if several else (0.6 - 1) / 2
    expected = [(0.5, other), (0.6, 1), (0 if several else -1, 0)]
    assert [(row["first_score"], row["second_score"]) for row in rows] == [pytest.approx(pair) for pair in expected]


def test_a_choice_of_a_missing_image_is_left_out_and_counted(root, plugins, store):
    (root / "images" / "D.jpg").unlink()
    record = run(root, plugins, store, "control/oracle")
    assert record.metric("preference-accuracy").n == 1
    assert record.dataset.facts["choices with a missing image, left out"] == "2"


@pytest.mark.parametrize(
    ("persons", "said"),
    [
        ([], "does not map persons to questions"),
        (
            {"u": {"s": {"sentences": []}}},
            "person u, questions s: ref_img_paths, sentences, .* not lists of one length",
        ),
        ({"u": {"s": questions("A", "B", "3")}}, "number 0: the preferred set is '3'"),
        ({"u": {"s": questions("", "B", "1")}}, "number 0: a retrieved set has no list img_path"),
    ],
)
def test_what_is_malformed_is_named(root, persons, said):
    (root / "hpfiq.json").write_text(json.dumps(persons))
    with pytest.raises(DataError, match=said):
        HPFashionIQ(root).choices()


def test_every_person_of_the_twin_prefers_the_list_with_the_wanted_product(twin):
    data = HPFashionIQ(twin / "fashion-iq")
    choices = data.choices()
    stored = json.loads((twin / "fashion-iq" / "hpfiq.json").read_text())
    targets = [t for sets in stored.values() for one in sets.values() for t in one["targ_img_paths"]]
    assert len(choices) == len(targets) > 4
    for choice, target in zip(choices, targets, strict=True):
        wanted = target.rpartition("/")[2].removesuffix(".jpg")
        assert (wanted in choice.lists[0], wanted in choice.lists[1]) == (choice.first, not choice.first)
        assert len({*choice.lists[0], *choice.lists[1], choice.reference}) == 5
    assert {choice.first for choice in choices} == {True, False}

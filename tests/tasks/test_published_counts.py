"""Sixty images in the layout of a published set are not that set: the record and the board say so."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import toy_plugin

from fashionbench import Board, api
from fashionbench.plugins.origin import Origin
from fashionbench.specs import BoardSpec, Column


@pytest.fixture
def copied(twin, tmp_path):
    """A function that copies the twin of a data set without the mark that it was generated."""

    def copy(name):
        folder = tmp_path / name
        shutil.copytree(twin / name, folder)
        (folder / "SYNTHETIC.json").unlink(missing_ok=True)
        return folder

    return copy


def findings(record):
    return [finding.message for finding in record.policy if finding.kind == "published"]


@pytest.mark.parametrize(
    ("task", "dataset", "folder", "concerned", "others"),
    [
        ("fashion-iq/original", "fashion-iq", "fashion-iq", ["images/dress/val"], ["train", "test"]),
        ("cirr/val", "cirr", "cirr", ["queries/val", "4,181"], ["train", "test1"]),
        ("fashiongen/full", "fashiongen", "fashiongen", ["photos/val", "32,528"], ["train"]),
        ("fashion200k-mbeir/text-to-image", "fashion200k-mbeir", "fashion200k-mbeir", ["queries/task0"], ["task3"]),
    ],
)
def test_a_small_set_in_the_layout_of_a_published_one_is_marked(
    copied, plugins, store, task, dataset, folder, concerned, others
):
    (record,) = api.run(
        {"tasks": task, "backends": "control/random", "data": {dataset: copied(folder)}}, plugins=plugins, store=store
    )
    assert record.error is None
    (message,) = findings(record)
    assert message.startswith(f"{dataset} is not as published: ")
    assert all(word in message for word in concerned)
    assert not [word for word in others if f"/{word} " in message]
    spec = BoardSpec(id="b", summary="", title="b", columns=(Column(task=task, metric=record.metrics[0].id),))
    (row,) = Board.of(spec, store, plugins).tables[0].rows
    assert "not-the-published-data" in row.marks


def test_what_a_backend_learns_from_counts_too(copied, plugins, store, monkeypatch):
    class Composer(toy_plugin.Colour):
        def encode_composed(self, items):
            return self.encode_images(items, "query")

        def fit(self, training, seed):
            assert len(training.triplets) > 0

    monkeypatch.setattr(toy_plugin, "Composer", Composer, raising=False)
    spec = replace(
        plugins.backends["baseline/pocket-sum"], id="t/composer", target="toy_plugin:Composer", options={}, packages=()
    )
    plugins.backends.put(spec, Origin("t", "t", "1"))
    (record,) = api.run(
        {"tasks": "cirr/val", "backends": "t/composer", "data": {"cirr": copied("cirr")}}, plugins=plugins, store=store
    )
    assert record.error is None
    assert "images/train" in findings(record)[0]


def test_generated_twins_have_no_published_counts(twin, plugins, store):
    (record,) = api.run(
        {"tasks": "atelier/cirr-val", "backends": "control/random", "data": {"atelier": twin}},
        plugins=plugins,
        store=store,
    )
    assert findings(record) == []

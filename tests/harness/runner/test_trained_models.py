"""Trained models as options of backends."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from fashionbench import api
from fashionbench.canonical import canonical_json
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.origin import Origin
from fashionbench.runner.config import make_config
from fashionbench.runner.plan import make_plan

TASK = "wardrobe/image-to-image"


@pytest.fixture
def plugins():
    """Plugins with a backend that is nothing without a model."""
    made = Plugins()
    spec = dataclasses.replace(
        made.backends["control/random"], id="t/learned", options={"model": ""}, models=("model",)
    )
    made.backends.put(spec, Origin("t", "t", "1"))
    return made


def planned(plugins, *backends):
    return make_plan(make_config({"tasks": TASK, "backends": list(backends)}), plugins)


def folder(root, weights=b"1", **changes):
    root.mkdir()
    (root / "weights.safetensors").write_bytes(weights)
    (root / "training.json").write_text(json.dumps({"name": "m", **changes}))
    return {"id": "t/learned", "options": {"model": str(root)}}


def test_a_backend_without_a_model_is_not_applicable_and_the_others_are_run(plugins):
    plan = planned(plugins, "control/constant", "t/learned")
    assert [cell.backend.id for cell in plan.cells] == ["control/constant"]
    assert [(one.backend, one.reason) for one in plan.not_applicable] == [
        ("t/learned", "it has no model: give it the option model=FOLDER, or a training")
    ]


def test_alone_it_is_an_error_that_says_so(plugins):
    with pytest.raises(ConfigError, match="t/learned on wardrobe/image-to-image: it has no model"):
        planned(plugins, "t/learned")


def test_a_model_counts_by_what_it_holds_and_not_by_where_it_lies_or_how_it_came_about(plugins, tmp_path):
    one, same, other = (
        planned(plugins, folder(tmp_path / name, **changes)).cells[0]
        for name, changes in (("one", {}), ("same", {"steps": 9}), ("other", {"weights": b"2"}))
    )
    ids = [cell.identity.cell_id("data") for cell in (one, same, other)]
    assert ids[0] == ids[1] != ids[2]
    owners = [cell.identity.embedding_owner() for cell in (one, same, other)]
    assert owners[0] == owners[1] != owners[2]
    assert str(tmp_path) not in canonical_json(one.identity.backend.options)
    assert one.options["model"] == str(tmp_path / "one")


def test_a_model_that_is_not_there_is_refused(plugins, tmp_path):
    with pytest.raises(ConfigError, match="neither a folder nor a file"):
        planned(plugins, {"id": "t/learned", "options": {"model": str(tmp_path / "absent")}})
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="the folder is empty"):
        planned(plugins, {"id": "t/learned", "options": {"model": str(tmp_path / "empty")}})


@pytest.fixture
def undeclared(plugins, tmp_path, monkeypatch):
    """The identity of a backend whose options are no declared models, with the test's folder as the working folder."""
    spec = dataclasses.replace(
        plugins.backends["t/learned"], models=(), options={"checkpoint": "default", "more": None}
    )
    plugins.backends.put(spec, Origin("t", "t", "1"))
    monkeypatch.chdir(tmp_path)

    def identity(**options):
        return planned(plugins, {"id": "t/learned", "options": options}).cells[0].identity.cell_id("data")

    return identity


@pytest.mark.parametrize(
    "value",
    ["model.pt", "./model.pt", Path("model.pt"), "folder", ["a", "folder/w"], {"inner": {"path": "folder"}}, "linked"],
)
def test_a_path_in_any_option_counts_by_its_content_in_every_spelling(undeclared, tmp_path, value):
    (tmp_path / "folder").mkdir()
    (tmp_path / "holds").mkdir()
    (tmp_path / "holds" / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "linked").symlink_to(tmp_path / "holds")
    (tmp_path / "folder" / "circle").symlink_to(tmp_path / "folder")

    def identity(content):
        (tmp_path / "model.pt").write_bytes(content)
        (tmp_path / "folder" / "w").write_bytes(content)
        return undeclared(checkpoint=value)

    assert identity(b"1") == identity(b"1") != identity(b"2")


def test_the_same_content_elsewhere_is_the_same_model(undeclared, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w").write_bytes(b"1")
    (tmp_path / "two" / "training.json").write_text("{}")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "deep").mkdir()
    (tmp_path / "three" / "deep" / "README.md").write_text("read by the model, who knows")
    (tmp_path / "three" / "w").write_bytes(b"1")
    assert (
        undeclared(checkpoint="one") == undeclared(checkpoint=str(tmp_path / "two")) != undeclared(checkpoint="three")
    )


def test_a_word_that_is_no_path_is_a_word(undeclared, tmp_path):
    before = undeclared(checkpoint="default"), undeclared(checkpoint="x" * 5000), undeclared(more="nowhere")
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "w").write_bytes(b"1")
    assert before == (undeclared(checkpoint="default"), undeclared(checkpoint="x" * 5000), undeclared(more="nowhere"))
    assert len(set(before)) == 3


def part(dataset, *, synthetic=False):
    return {"dataset": dataset, "fingerprint": "sha256:0", "synthetic": synthetic}


def measured(plugins, store, choice):
    config = {"tasks": TASK, "backends": choice, "limit": 3, "device": "cpu"}
    return api.run(config, plugins=plugins, store=store)[0]


def test_a_record_tells_what_a_model_was_trained_on(plugins, store, tmp_path):
    data = {"a/one": part("fashiongen", synthetic=True), "b/one": part("fashion-iq"), "b/two": part("fashion-iq")}
    record = measured(plugins, store, folder(tmp_path / "one", data=data))
    assert [(one.dataset, one.splits) for one in record.backend.training_data] == [
        ("fashiongen (generated twin)", ("train",)),
        ("fashion-iq", ("train",)),
    ]
    assert [finding.kind for finding in record.policy] == []


def test_a_record_tells_what_the_networks_had_seen_that_a_training_began_with(plugins, store, tmp_path):
    seen = [
        {"dataset": "imagenet-1k", "splits": ["train"], "disclosed": True},
        {"dataset": "undisclosed", "splits": [], "disclosed": False},
    ]
    record = measured(plugins, store, folder(tmp_path / "one", data={"b/one": part("fashion-iq")}, pretraining=seen))
    assert [(one.dataset, one.splits, one.disclosed) for one in record.backend.training_data] == [
        ("fashion-iq", ("train",), True),
        ("imagenet-1k", ("train",), True),
        ("undisclosed", (), False),
    ]


def test_a_training_that_does_not_say_what_it_learnt_from_is_undisclosed(plugins, store, tmp_path):
    record = measured(plugins, store, folder(tmp_path / "one"))
    assert [(one.dataset, one.disclosed) for one in record.backend.training_data] == [("undisclosed", False)]


def test_a_model_that_was_trained_on_what_is_measured_is_marked(plugins, store, tmp_path):
    # The card of this task names no split of its data set, so its training part may be what is measured.
    record = measured(plugins, store, folder(tmp_path / "one", data={"w": part("wardrobe-emoji")}))
    assert [(finding.kind, finding.message) for finding in record.policy] == [
        ("contamination", "t/learned was trained on wardrobe-emoji (train)")
    ]

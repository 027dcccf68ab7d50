"""What was seen before a training, by what it begins with."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.model.config import preset
from fashionbench_unifashion.training.pretraining import pretraining


def names(seen):
    return [(use.dataset, use.splits, use.disclosed) for use in seen]


def test_packaged_networks_are_named_and_folders_do_not_say():
    assert pretraining(preset("nano")) == []
    packaged = [
        ("imagenet-1k", ("train",), True),
        ("coco-captions", ("train2014",), True),
        ("flickr30k", ("train", "val", "test"), True),
    ]
    assert names(pretraining(preset("tiny"))) == packaged
    for changes in (
        {"qformer": {"source": "some/model"}},
        {"language": {"source": "some/model", "architecture": None}},
    ):
        assert names(pretraining(preset("tiny", changes))) == [*packaged, ("undisclosed", (), False)]


def test_a_start_from_a_trained_model_has_seen_what_that_model_has(trained, tmp_path):
    record = json.loads((trained.result.model / "training.json").read_text())
    assert record["pretraining"] == []
    record["pretraining"] = [{"dataset": "some-set", "splits": ["train"], "disclosed": True}]
    (tmp_path / "training.json").write_text(json.dumps(record))
    seen = names(pretraining(preset("nano"), str(tmp_path)))
    assert seen[-1] == ("some-set", ("train",), True)
    assert ("fashiongen (generated twin)", ("train",), True) in seen
    assert names(pretraining(preset("nano"), str(tmp_path / "nothing"))) == [("undisclosed", (), False)]

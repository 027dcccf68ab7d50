"""The tables of published studies against the records beside them: each value is the mean over seeds of its records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fashionbench.records.store import Store

FOLDER = Path(__file__).parents[2] / "leaderboards" / "published" / "studies"
STUDIES = sorted(FOLDER.glob("*.study.json"))


def nested(changes):
    """Dotted names of a recipe's fields as the record of a training has them."""
    made = {}
    for name, value in changes.items():
        *path, last = name.split(".")
        place = made
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return made


def of_variant(records, variant, task):
    """The records of a variant on a task, one a seed."""
    config, options = nested(variant["training"]), variant["options"]
    return [
        record
        for record in records
        if (record.task.id, record.backend.id) == (task, variant["backend"])
        and {name: value for name, value in record.training.config.items() if name != "seed"} == config
        and record.training.trainer == variant["trainer"]
        and all(
            value == options.get(name, default)
            for name, value in record.backend.options.items()
            if (default := DEFAULTS.get(name)) is not None
        )
    ]


#: Options of UniFashion in which variants differ.
DEFAULTS = {"use": "full", "composed": "both", "caption_source": "image-only"}


def test_there_are_studies():
    assert {path.name for path in STUDIES} >= {"components.study.json"}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_each_value_is_the_mean_of_its_records(path):
    study = json.loads(path.read_text(encoding="utf-8"))
    records = [record for record in Store(FOLDER / "store").scan().current() if record.training is not None]
    base = {"options": {}, **study["study"]["base"]}
    assert study["failures"] == []
    assert study["effects"]
    for effect in study["effects"]:
        told, seeds = effect["difference"], study["study"]["seeds"]
        for system, value in ((base, told["baseline"]), (effect["variant"], told["candidate"])):
            found = of_variant(records, system, effect["task"])
            assert sorted(record.decoding.seed for record in found) == seeds
            means = [record.metric(effect["metric"]).value for record in found]
            assert value == pytest.approx(sum(means) / len(means), abs=1e-9)
        low, high = told["interval"]
        assert low <= told["difference"] <= high
        assert told["difference"] == pytest.approx(told["candidate"] - told["baseline"], abs=1e-9)

from __future__ import annotations

import json

import pytest

from fashionbench import api
from fashionbench.cli.main import main
from fashionbench.predictions.readers import read
from fashionbench_tasks.datasets.cirr import CIRR

pytestmark = pytest.mark.slow


@pytest.fixture
def record(twin, plugins, store):
    fields = {"tasks": "atelier/cirr-test1", "backends": "control/random", "data": {"atelier": twin}}
    return api.run(fields, plugins=plugins, store=store)[0]


def test_a_split_without_targets_ranks_and_scores_nothing(record):
    assert record.status == "ok"
    assert record.metrics == record.absent == ()


def test_both_files_are_what_the_server_wants(record, twin, store, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["cirr-submission", record.record_id[:20], "--out", str(out), "--store", str(store.root)]) == 0
    queries = {query.id: query for query in CIRR(twin / "cirr").queries("test1")}
    images = set(CIRR(twin / "cirr").split("test1"))
    full = json.loads((out / "recall_submission.json").read_text())
    subset = json.loads((out / "recall_subset_submission.json").read_text())
    assert (full.pop("version"), full.pop("metric")) == ("rc2", "recall")
    assert (subset.pop("version"), subset.pop("metric")) == ("rc2", "recall_subset")
    assert full.keys() == subset.keys() == queries.keys()
    for name, query in queries.items():
        assert len(full[name]) == len(set(full[name])) == min(50, len(images) - 1)
        assert set(full[name]) <= images - {query.reference}
        assert len(subset[name]) == 3
        assert set(subset[name]) <= set(query.members) - {query.reference}
    assert read(out / "recall_subset_submission.json").subset_rankings


def test_a_record_of_another_task_is_refused(twin, plugins, store, tmp_path, capsys):
    fields = {"tasks": "atelier/fashiongen-full", "backends": "control/random", "data": {"atelier": twin}}
    other = api.run(fields, plugins=plugins, store=store)[0]
    arguments = ["cirr-submission", other.record_id, "--out", str(tmp_path / "out"), "--store", str(store.root)]
    assert main(arguments) == 2
    assert "is no record of CIRR" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

"""A model is trained in a second process while cells that need none are run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench import api
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner import trained_models
from fashionbench.runner.executors import training_process
from fashionbench_unifashion.training.recipe import load_recipe

pytestmark = pytest.mark.slow

TRAINED = {"id": "unifashion", "training": {"trainer": "unifashion-nano"}}


class Heard(Silent):
    """Keeps what a run says."""

    def __init__(self):
        self.lines = []

    def begin(self, name, items=None):
        self.lines.append(name)

    def note(self, text):
        self.lines.append(text)


@pytest.fixture
def config(twin):
    # The backend that needs a model stands first, and is run last.
    names = [TRAINED, "control/random", "control/oracle"]
    return {"tasks": ["atelier/fashiongen-full"], "backends": names, "data": {"atelier": str(twin)}, "device": "cpu"}


@pytest.mark.acceptance
def test_the_run_reads_the_model_and_its_record(config, store, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("this process trains")

    monkeypatch.setattr(trained_models, "train", refuse)
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {0, 1}, raising=False)
    monkeypatch.setattr(sys, "argv", ["fashionbench", "run", "of-a-test"])
    plugins, heard = Plugins(strict=True), Heard()
    records = api.run(config, store=store, plugins=plugins, reporter=heard, second_process=True)
    assert [record.backend.id for record in records] == ["unifashion", "control/random", "control/oracle"]
    assert [record.error for record in records] == [None] * 3
    assert records[0].provenance.started > max(record.provenance.started for record in records[1:])
    (training,) = [record for record in store.scan().current() if record.task.id == "training"]
    assert records[0].training == training.training
    assert training.provenance.command == records[0].provenance.command
    # What the other process says of each phase is shown.
    phases = load_recipe("unifashion-nano", {}).phases
    told = [phase for phase in phases if any(f", phase {phase}: held-out" in line for line in heard.lines)]
    assert told == list(phases), heard.lines


def test_one_core_trains_in_the_run(config, store, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: {0}, raising=False)
    monkeypatch.setattr(training_process, "subprocess", None)
    monkeypatch.setattr(trained_models, "train", lambda *_arguments, **_options: 1 / 0)
    records = api.run(config, store=store, plugins=Plugins(strict=True), second_process=True)
    assert "division by zero" in records[0].error.message
    assert [record.error for record in records[1:]] == [None] * 2


def test_it_ends_with_the_process_that_started_it(config, tmp_path):
    program = "from fashionbench.runner.executors.train_models import main; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    fields = {"config": config, "store": str(tmp_path), "command": []}
    process.stdin.write(json.dumps(fields).encode() + b"\n")
    process.stdin.close()
    assert process.wait() == 1
    assert list(tmp_path.rglob("*.json")) == []

"""Cells in the tasks of an array job give the records that one process gives."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

pytest.importorskip("submitit", reason="needs the optional dependencies fashionbench[slurm]")
pytest.importorskip("psutil", reason="needs the dependencies of tests")

import psutil
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.errors import ConfigError, ExecutorError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.records.store import Store
from fashionbench.runner.config import make_config
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.executors.choice import make_executor
from fashionbench.runner.executors.contract import Job
from fashionbench.runner.executors.slurm import SlurmOptions, _shards
from fashionbench.runner.executors.slurm_task import begun_file, do_shard, outcome_file
from fashionbench.runner.plan import make_plan
from fashionbench.specs.resources import Resources

CONFIG = {"tasks": ["wardrobe/image-to-image"], "device": "cpu"}
MODELS = """
import os, pathlib, signal, time
import numpy as np
HERE = pathlib.Path(__file__).parent

class Encodes:
    def encode_images(self, items, role):
        self.before()
        return np.stack([np.asarray(item.image.resize((4, 4)), float).reshape(-1)[:48] for item in items])

class DiesOnce(Encodes):
    def before(self):
        if not (HERE / "died").exists():
            (HERE / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

class Dies(Encodes):
    def before(self):
        os.kill(os.getpid(), signal.SIGKILL)

class Raises(Encodes):
    def before(self):
        with (HERE / "raised").open("a") as file:
            file.write("x")
        raise ZeroDivisionError("a bug in a model")

class Sleeps(Encodes):
    def before(self):
        (HERE / f"{os.getpid()}.pid").touch()
        time.sleep(1000)
"""


def on_slurm(**options):
    return {"id": "slurm", "options": {"cluster": "local", "pause": 0.1, **options}}


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return lambda *names: [f"{path}:{name}" for name in names]


def job(key, needs=(), training=None, seconds=1.0):
    return Job(key, None, None, training, tuple(needs), "", Resources(), seconds)


def test_a_shard_has_its_trainings_before_its_cells_and_none_is_empty():
    jobs = [
        job("t1", training=True),
        job("t2", training=True),
        job("a", ["t2"]),
        job("b"),
        job("c", ["t2"]),
        job("d", ["t1"]),
    ]
    shards = [[one.key for one in shard] for shard in _shards(jobs, 9)]
    assert sorted(shards) == [["b"], ["t1", "d"], ["t2", "a", "c"]]


def test_a_task_writes_each_outcome_into_a_file_and_no_record(store, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", list(__import__("sys").argv))
    config = make_config({**CONFIG, "backends": ["control/constant", "control/random"]})
    jobs = [Job.of_cell(0, cell, (), EarlierCosts([])) for cell in make_plan(config, Plugins()).cells]
    fields = {
        "config": config.model_dump(mode="json", exclude={"board", "executor"}), "store": str(store.root),
        "command": ["fashionbench", "run", "of-a-test"],
    }  # fmt: skip
    keys = [jobs[0].key, "sha256:unknown", jobs[1].key]
    assert do_shard(fields, keys, str(tmp_path)) == 2
    said, key, record = json.loads(outcome_file(tmp_path, keys[0]).read_text())["said"]
    assert (said, key, record["status"]) == ("done", keys[0], "ok")
    assert (store.root / "predictions" / f"{record['predictions']['sha256']}.parquet").is_file()
    assert json.loads(outcome_file(tmp_path, keys[1]).read_text())["said"][0] == "refused"
    assert begun_file(tmp_path, keys[0]).is_file()
    assert not begun_file(tmp_path, keys[2]).exists()
    assert not (store.root / "records").exists()
    # A configuration that cannot be planned is said of the first job.
    assert do_shard({**fields, "config": {**fields["config"], "tasks": ["no/such"]}}, keys[2:], str(tmp_path)) == 0
    assert "no/such" in json.loads(outcome_file(tmp_path, keys[2]).read_text())["said"][1]


def test_the_options_that_are_listed_are_those_that_are_read(store):
    plugins = Plugins(strict=True)
    assert dict(plugins.executors["slurm"].options) == SlurmOptions().model_dump()
    with pytest.raises(ConfigError, match="executor slurm: minutes"):
        make_executor(make_config({**CONFIG, "backends": "a", "executor": on_slurm(minutes=0)}).executor, plugins)
    config = {**CONFIG, "backends": "control/constant", "executor": on_slurm(parameters={"no_such": 1})}
    with pytest.raises(ExecutorError, match="no_such"):
        api.run(config, store=store, plugins=plugins)


@pytest.mark.acceptance
def test_tasks_give_the_records_of_one_process_and_a_lost_one_is_made_up_for(models, tmp_path):
    backends = ["control/random", "control/oracle", "baseline/colour-histogram"]
    mine = models("DiesOnce", "Dies", "Raises")
    store, here = Store(tmp_path / "there"), Store(tmp_path / "here")
    config = {**CONFIG, "backends": [*mine, *backends], "executor": on_slurm(workers=2)}
    lines = []

    class Heard(Silent):
        def note(self, text):
            lines.append(text)

    records = api.run(config, store=store, plugins=Plugins(strict=True), reporter=Heard())
    assert [record.status for record in records] == ["ok", "error", "error", "ok", "ok", "ok"]
    assert (records[1].error.type, "was lost" in records[1].error.message) == ("ExecutorError", True)
    assert "a bug in a model" in records[2].error.message
    assert (tmp_path / "raised").read_text() == "x"
    assert sum("it is tried again" in line for line in lines) == 2
    assert len(store.scan().records) == 6
    api.run(
        {**CONFIG, "backends": [*models("DiesOnce", "Raises"), *backends]}, store=here, plugins=Plugins(strict=True)
    )
    whole = timeless_store(store)
    assert timeless_store(here).items() <= whole.items()
    assert len(whole) == 6
    assert api.verify_records(store, metrics=False).faults == []


@pytest.mark.acceptance
@pytest.mark.usefixtures("heeded_interrupts")
def test_an_interrupt_cancels_the_tasks(models, tmp_path, store):
    def interrupt():
        while len(list(tmp_path.glob("*.pid"))) < 2:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    config = {**CONFIG, "backends": models("Sleeps"), "seeds": [0, 1], "executor": on_slurm(workers=2)}
    with pytest.raises(KeyboardInterrupt):
        api.run(config, store=store, plugins=Plugins(strict=True))
    tasks = [psutil.Process(int(path.stem)) for path in tmp_path.glob("*.pid") if psutil.pid_exists(int(path.stem))]
    assert psutil.wait_procs(tasks, timeout=60)[1] == []
    assert store.scan().records == []

"""Cells in several processes give the records that one process gives, and one process writes them."""

from __future__ import annotations

import math
import os
import signal
import sys
import time

import pytest

pytest.importorskip("psutil", reason="needs the dependencies of tests")

import psutil
from forked_command import start_command
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.errors import ConfigError, ExecutorError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.executors import local, processors
from fashionbench.runner.executors.contract import Job
from fashionbench.runner.executors.processors import environments_of, gpus, gpus_each
from fashionbench.specs import Resources

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals"),
]

MODELS = """
import os, pathlib, signal, subprocess, sys, time
import numpy as np
from fashionbench import model
HERE = pathlib.Path(__file__).parent

class Encodes:
    def encode_images(self, items, role):
        self.before(role)
        return np.stack([np.asarray(item.image.resize((4, 4)), float).reshape(-1)[:48] for item in items])

class DiesOnce(Encodes):
    def before(self, role):
        if not (HERE / "died").exists():
            (HERE / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)

class Dies(Encodes):
    def before(self, role):
        os.kill(os.getpid(), signal.SIGKILL)

class Raises(Encodes):
    def before(self, role):
        with (HERE / "raised").open("a") as file:
            file.write("x")
        raise ZeroDivisionError("a bug in a model")

class Paths(Encodes):
    def before(self, role):
        print("printed by a model")
        assert not {"", os.getcwd()} & set(sys.path), sys.path

class Sleeps(Encodes):
    def before(self, role):
        child = subprocess.Popen(["sleep", "1000"])
        (HERE / f"{os.getpid()}.pid").write_text(str(child.pid))
        time.sleep(1000)

@model(stateless=True)
class SleepsShared(Sleeps):
    pass
"""
CONFIG = {"tasks": ["wardrobe/image-to-image"], "device": "cpu"}


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return lambda *names: [f"{path}:{name}" for name in names]


def run(count, store, *backends):
    config = {**CONFIG, "backends": list(backends), "executor": {"id": "local", "options": {"workers": count}}}
    return api.run(config, store=store, plugins=Plugins(strict=True))


def test_one_two_and_three_workers_give_equal_records(tmp_path):
    stores = [Store(tmp_path / str(count)) for count in (1, 2, 3)]
    backends = ["control/random", "control/oracle", "baseline/colour-histogram"]
    for count, store in enumerate(stores, 1):
        records = run(count, store, *backends)
        assert [record.backend.id for record in records] == backends
        assert [record.error for record in records] == [None] * 3
        assert api.verify_records(store, metrics=False).faults == []
    one, two, three = map(timeless_store, stores)
    assert one == two == three
    assert len(one) == 3


def test_a_lost_process_is_tried_once_more_and_a_fault_of_a_cell_never(models, tmp_path, store, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    records = run(2, store, *models("DiesOnce", "Dies", "Raises", "Paths"))
    assert [record.status for record in records] == ["ok", "error", "error", "ok"]
    assert (tmp_path / "died").exists()
    dies, raises = records[1].error, records[2].error
    assert (dies.type, "SIGKILL" in dies.message, "last of 2 times" in dies.message) == ("ExecutorError", True, True)
    assert (raises.type, raises.message) == ("ZeroDivisionError", "ZeroDivisionError: a bug in a model")
    assert "models.py" in raises.traceback
    assert (tmp_path / "raised").read_text() == "x"
    assert len(store.scan().records) == 4
    printed = capfd.readouterr()
    assert "printed by a model" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("number", "name", "option"),
    [
        (signal.SIGKILL, "Sleeps", "workers=2"),
        (signal.SIGTERM, "SleepsShared", "shards=2"),
        pytest.param(signal.SIGTERM, "Sleeps", "workers=2", marks=pytest.mark.acceptance),
        pytest.param(signal.SIGKILL, "SleepsShared", "shards=2", marks=pytest.mark.acceptance),
    ],
)
def test_no_worker_outlives_the_run_nor_what_a_worker_started(models, tmp_path, number, name, option):
    backend = models(name)
    words = ["run", "--task", *CONFIG["tasks"], "--backend", *backend, "--device", "cpu"]
    store = tmp_path / "results"
    more = ["--executor-option", option, "--store", str(store)]
    run = start_command(*words, *more, folder=tmp_path, printed=tmp_path / "printed")
    while not (files := [path for path in tmp_path.glob("*.pid") if path.read_text()]):
        assert run.is_alive(), (tmp_path / "printed").read_text()
        time.sleep(0.05)
    started = [psutil.Process(int(name)) for path in files for name in (path.stem, path.read_text())]
    os.kill(run.pid, number)
    run.join()
    assert run.exitcode == (130 if number == signal.SIGTERM else -signal.SIGKILL)
    assert psutil.wait_procs(started, timeout=60)[1] == []
    assert Store(store).scan().records == []
    assert api.verify_records(store, plugins=Plugins(points=[])).faults == []


def test_what_workers_cannot_have_is_refused(store, monkeypatch):
    class Own:
        def encode_images(self, items, role):
            raise AssertionError

    with pytest.raises(ExecutorError, match="own") as refused:
        run(2, store, Own, "control/random")
    assert "FILE.py:CLASS" in refused.value.remedy
    with pytest.raises(ConfigError, match="which a plugin opened"):
        run(2, type("Remote", (Store,), {})(store.root), "control/random")


def test_each_worker_has_its_share_of_threads_or_one_gpu(monkeypatch):
    monkeypatch.setattr(processors, "cores", lambda: 8)
    for name in processors.THREADS:
        monkeypatch.delenv(name, raising=False)
    two, four = (dict.fromkeys(processors.THREADS, number) for number in "24")
    assert local._shares(3, "cpu") == [two] * 3
    assert local._shares(2, "cpu", shards=2) == [four] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert local._shares(2, "cpu") == [{}, {}]
    assert environments_of(2, "cpu") == [{}, {}]
    assert environments_of(2, "cpu", threads=2) == [two, two]  # a worker's share, which it was told by this variable
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-a")
    assert gpus() == ["3", "GPU-a"]
    assert local._shares(2, "cuda") == [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "GPU-a"}]
    assert local._shares(1, "cuda", shards=2) == [{"CUDA_VISIBLE_DEVICES": "3,GPU-a"}]
    for device, said in (("cuda", "2 GPUs"), ("mps", "the device mps")):
        for workers, shards in ((4, 1), (2, 2)):
            with pytest.raises(ConfigError, match=f"4 processes are to compute on {said}"):
                local._shares(workers, device, shards)


def test_a_model_of_several_gpus_has_them_and_one_of_all_is_refused(monkeypatch):
    def job(gpus):
        return Job("key", "a × b", None, None, (), "", Resources(gpus=gpus), 1)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7")
    assert [gpus_each(jobs) for jobs in ([], [job(0), job(0.5)], [job(1), job(2)])] == [1, 1, 2]
    shown = [one["CUDA_VISIBLE_DEVICES"] for one in local._shares(2, "cuda", shards=2, each=2)]
    assert shown == ["0,1,2,3", "4,5,6,7"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown[1])  # as the worker sees it
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments_of(2, "cuda", each=2)] == ["4,5", "6,7"]
    assert environments_of(2, "cpu", each=2) == [{}, {}]
    with pytest.raises(ConfigError, match="3 processes are to compute on 4 GPUs, 2 each"):
        environments_of(3, "cuda", each=2)
    with pytest.raises(ConfigError, match=r"a × b takes every GPU that it sees \(device_map\)") as caught:
        gpus_each([job(1), job(math.inf)])
    assert "max_memory" in caught.value.remedy

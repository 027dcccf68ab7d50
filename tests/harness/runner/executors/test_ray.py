"""Cells on a Ray cluster give the records that one process gives, also where workers and machines are lost."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from timeless_records import timeless_store

pytest.importorskip("ray", reason="needs the optional dependencies fashionbench[ray]")

import ray

from fashionbench import api
from fashionbench.errors import ConfigError, ExecutorError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.config import make_config
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.executors.choice import make_executor
from fashionbench.runner.executors.contract import Job
from fashionbench.runner.executors.ray_cluster import RayOptions, _check_feasible
from fashionbench.runner.executors.ray_worker import RayWorker
from fashionbench.runner.plan import make_plan
from fashionbench.specs.resources import Resources

CONFIG = {"tasks": ["wardrobe/image-to-image"], "device": "cpu"}
BACKENDS = ["control/random", "control/oracle", "baseline/colour-histogram"]
MODELS = """
import os, pathlib, time
import numpy as np
HERE = pathlib.Path(__file__).parent

class Waits:
    def encode_images(self, items, role):
        if not (HERE / "go").exists():
            (HERE / f"{os.getpid()}.pid").touch()
        while not (HERE / "go").exists():
            time.sleep(0.05)
        return np.stack([np.asarray(item.image.resize((4, 4)), float).reshape(-1)[:48] for item in items])

class Raises(Waits):
    def encode_images(self, items, role):
        with (HERE / "raised").open("a") as file:
            file.write("x")
        raise ZeroDivisionError("a bug in a model")
"""


def on_ray(**options):
    return {"id": "ray", "options": options}


@pytest.fixture
def worker(tmp_path, store, monkeypatch):
    """The actor, without a cluster around it: one that sees the store, or one that does not."""
    config = make_config({**CONFIG, "backends": ["control/constant"]})
    (job,) = [Job.of_cell(0, cell, (), EarlierCosts([])) for cell in make_plan(config, Plugins()).cells]
    fields = {
        "config": config.model_dump(mode="json", exclude={"board", "executor"}), "store": str(store.root),
        "command": ["fashionbench", "run", "of-a-test"], "folder": str(tmp_path), "brought": True,
        "shards": 1,
    }  # fmt: skip
    (tmp_path / "seen").touch()
    for name in ("argv", "path"):
        monkeypatch.setattr(f"sys.{name}", list(getattr(__import__("sys"), name)))
    made = []

    def make(*, shared):
        made.append(RayWorker({**fields, "seen": str(tmp_path / "seen") if shared else ""}))
        return made[-1], job

    yield make
    for one in made:
        one.clear()


@pytest.mark.parametrize("shared", [True, False])
def test_a_worker_writes_beside_the_records_or_sends_the_files(worker, store, shared):
    actor, job = worker(shared=shared)
    answer = actor.do(job.key, {})
    said, key, record = answer["said"]
    assert (said, key, record["status"]) == ("done", job.key, "ok")
    assert record["provenance"]["command"] == ["fashionbench", "run", "of-a-test"]
    name = f"predictions/{record['predictions']['sha256']}.parquet"
    assert (actor.shares_store(), name in answer["files"], (store.root / name).is_file()) == (
        shared,
        not shared,
        shared,
    )
    assert not (store.root / "records").exists()
    assert ["expect_work", "metric", 8] in actor.heard()
    assert actor.heard() == []
    # A job of another plan is refused, and the next one is done.
    assert actor.do("sha256:other", {})["said"][0] == "refused"
    assert actor.do(job.key, {})["said"][0] == "done"


def test_what_no_machine_has_is_refused_and_not_waited_for():
    machine = {"CPU": 4.0, "memory": 8.0 * 2**30}

    def job(**needs):
        return Job("key", "a × b", None, None, (), "", Resources(**needs), 1)

    _check_feasible(job(cpus=4, memory=2**30), [machine])
    for needs in ({"cpus": 5}, {"memory": 2**34}, {"cpus": 3, "memory": 2**33}):
        with pytest.raises(ConfigError, match="a × b needs"):
            _check_feasible(job(**needs), [{**machine, "memory": 2.0**32}, {**machine, "CPU": 2.0}])
    _check_feasible(job(cpus=3), [machine, machine], 2)
    with pytest.raises(ConfigError, match="shared by 3 actors, and the cluster has room for 2"):
        _check_feasible(job(cpus=3), [machine, machine], 3)
    _check_feasible(job(cpus=0), [machine], 9)
    _check_feasible(job(gpus=1), [machine], 2)  # nothing there has a GPU: the processor computes
    one_has = [machine, {**machine, "GPU": 1.0}]
    _check_feasible(job(gpus=0.5), one_has, 2)
    with pytest.raises(ConfigError, match="shared by 2 actors, and the cluster has room for 1"):
        _check_feasible(job(gpus=1), one_has, 2)
    with pytest.raises(ConfigError, match="needs 1 cores, 2 GPUs and"):
        _check_feasible(job(gpus=2), one_has)


def test_the_options_that_are_listed_are_those_that_are_read():
    plugins = Plugins(strict=True)
    assert dict(plugins.executors["ray"].options) == RayOptions().model_dump()
    with pytest.raises(ConfigError, match="executor ray: retries"):
        make_executor(make_config({**CONFIG, "backends": "a", "executor": on_ray(retries=-1)}).executor, plugins)


@pytest.fixture
def two_nodes(monkeypatch):
    """A cluster of two machines with one core each, which this process has joined; gives the second one's end."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, logging_level="WARNING")
    cluster.wait_for_nodes()
    yield lambda: cluster.remove_node(second, allow_graceful=False)
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return lambda *names: [f"{path}:{name}" for name in names]


def wait_for(condition):
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def scratch_folders():
    """What workers have on this machine for a while."""
    return set(Path(tempfile.gettempdir()).glob("fashionbench-*"))


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("share", [True, False])
def test_records_of_a_cluster_that_is_started_for_a_run_equal_those_of_one_process(tmp_path, share):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    api.run({**CONFIG, "backends": BACKENDS}, store=here, plugins=Plugins(strict=True))
    config = {**CONFIG, "backends": BACKENDS, "executor": on_ray(workers=2, share_store=share)}
    before = scratch_folders()
    records = api.run(config, store=there, plugins=Plugins(strict=True))
    assert [record.backend.id for record in records] == BACKENDS
    assert timeless_store(there) == timeless_store(here)
    assert api.verify_records(there).faults == []
    assert scratch_folders() == before
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore")
def test_a_worker_and_a_machine_that_are_killed_lose_nothing_and_do_nothing_twice(two_nodes, models, tmp_path):
    seeds = [0, 1, 2]
    config = {**CONFIG, "backends": [*models("Waits", "Raises"), "control/random"], "seeds": seeds}
    killed, failures = [], []

    def kill():
        try:
            wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
            first = int(min(tmp_path.glob("*.pid"), key=lambda path: path.stat().st_mtime_ns).stem)
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 3)
            killed.append("worker")
            two_nodes()
            killed.append("machine")
            (tmp_path / "go").touch()
        except BaseException as error:
            failures.append(error)
            (tmp_path / "go").touch()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    store = Store(tmp_path / "there")
    records = api.run({**config, "executor": on_ray()}, store=store, plugins=Plugins(strict=True))
    killer.join()
    assert (killed, failures) == (["worker", "machine"], [])
    assert [record.status for record in records] == ["ok"] * 3 + ["error"] * 3 + ["ok"] * 3
    scan = store.scan()
    assert len(scan.records) == len({record.cell for record in scan.records}) == 9
    assert (tmp_path / "raised").read_text() == "xxx"  # a fault of a cell is not tried again
    here = Store(tmp_path / "here")
    api.run(config, store=here, plugins=Plugins(strict=True))
    assert timeless_store(store) == timeless_store(here)
    assert api.verify_records(store, metrics=False).faults == []


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore")
def test_actors_on_two_machines_that_share_a_cell_give_the_records_of_one_process(two_nodes, tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    config = {**CONFIG, "batch_size": 16, "backends": BACKENDS}
    api.run(config, store=here, plugins=Plugins(strict=True))
    before = scratch_folders()
    records = api.run({**config, "executor": on_ray(shards=2)}, store=there, plugins=Plugins(strict=True))
    assert [record.error for record in records] == [None] * 3
    assert scratch_folders() == before
    assert timeless_store(there) == timeless_store(here)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_named_at_once(store, address):
    config = {**CONFIG, "backends": "control/random", "executor": on_ray(address=address)}
    with pytest.raises(ExecutorError, match=f"{address} cannot be used"):
        api.run(config, store=store, plugins=Plugins(strict=True))
    assert not ray.is_initialized()

"""What an executor gives back is stored by the run, whatever executor that is."""

from __future__ import annotations

import pytest
from same_process import SameProcess
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, StoreError, UnknownNameError
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.origin import Origin
from fashionbench.records.store import Store
from fashionbench.runner.config import ExecutorChoice, make_config
from fashionbench.runner.executors.choice import make_executor
from fashionbench.runner.executors.contract import Job
from fashionbench.runner.executors.job_queue import JobQueue
from fashionbench.runner.executors.local import LocalOptions, local_executor
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.runner.executors.shared_progress import SharedProgress
from fashionbench.runner.loaded_backend import LoadedBackend
from fashionbench.runner.plan import make_plan
from fashionbench.specs.resources import Resources

BACKENDS = ["toy/colour", "toy/raises", "control/random", "control/constant"]
CONFIG = {"tasks": ["toy/squares", "toy/broken"], "backends": BACKENDS, "device": "cpu"}
ELSEWHERE = {**CONFIG, "executor": "same-process"}


@pytest.fixture
def executor(plugins):
    made = SameProcess()
    made.register(plugins)
    return made


def test_records_are_those_of_a_run_without_it_and_the_run_writes_them(plugins, executor, store, tmp_path):
    here = Store(tmp_path / "here")
    expected = api.run(CONFIG, plugins=plugins, store=here)
    records = api.run(ELSEWHERE, plugins=plugins, store=store)
    assert timeless_store(store) == timeless_store(here)
    assert [(r.task.id, r.backend.id) for r in records] == [(r.task.id, r.backend.id) for r in expected]
    assert {r.record_id for r in records} == {r.record_id for r in store.scan().records}
    assert api.verify_records(store, plugins=plugins).faults == []
    # Tasks that cannot be opened are given to nobody.
    assert sorted(executor.given) == sorted(f"toy/squares × {name}" for name in BACKENDS)
    # What is known is reused, and what failed is tried again.
    executor.given.clear()
    again = api.run(ELSEWHERE, plugins=plugins, store=store)
    assert executor.given == ["toy/squares × toy/raises"]
    assert again[0] == records[0]


def test_observers_hear_of_each_cell_once(plugins, executor, store):
    heard = []

    class Listener:
        @hookimpl
        def on_cell_start(self, event):
            heard.append(("start", event.cell.backend))

        @hookimpl
        def on_cell_end(self, event):
            heard.append(("end", event.cell.backend))

        @hookimpl
        def on_cell_error(self, event):
            heard.append(("error", event.cell.backend))
            assert event.record.error.message == event.error.message

    plugins.register(Listener(), Origin("listener", "tests", "1"))
    api.run({**ELSEWHERE, "tasks": ["toy/squares"]}, plugins=plugins, store=store)
    ends = {"toy/raises": "error"}
    assert sorted(heard) == sorted(
        pair for name in BACKENDS for pair in (("start", name), (ends.get(name, "end"), name))
    )


def test_a_cell_whose_worker_is_gone_is_an_error_and_the_others_are_done(plugins, store):
    SameProcess(lose=("toy/colour",)).register(plugins)
    records = api.run({**ELSEWHERE, "tasks": ["toy/squares"]}, plugins=plugins, store=store)
    assert [record.status for record in records] == ["error", "error", "ok", "ok"]
    assert (records[0].error.type, records[0].error.message) == ("ExecutorError", "its machine is gone")
    assert records[0].error.remedy


def test_an_interrupt_closes_the_executor_and_keeps_what_was_finished(plugins, executor, store):
    class Listener:
        @hookimpl
        def on_cell_end(self, event):
            raise KeyboardInterrupt

    plugins.register(Listener(), Origin("listener", "tests", "1"))
    plugins.notify = lambda hook, event: [one.function(event) for one in hooks(plugins, hook)]
    with pytest.raises(KeyboardInterrupt):
        api.run({**ELSEWHERE, "tasks": ["toy/squares"]}, plugins=plugins, store=store)
    assert executor.closed
    assert len(store.scan().records) == 1


def hooks(plugins, name):
    return getattr(plugins.manager.hook, name).get_hookimpls() if name == "on_cell_end" else []


def test_options_are_checked(plugins, executor):
    assert make_executor(ExecutorChoice(id="same-process", options={"word": "b"}), plugins) is executor
    assert executor.options == {"word": "b"}
    with pytest.raises(ConfigError, match="has no option wrod"):
        make_executor(ExecutorChoice(id="same-process", options={"wrod": "b"}), plugins)
    with pytest.raises(UnknownNameError, match="did you mean local"):
        make_executor(ExecutorChoice(id="locall"), plugins)
    for wrong in ({"workers": 0}, {"workers": "many"}, {"retries": -1}):
        with pytest.raises(ConfigError, match=f"executor local: {next(iter(wrong))}"):
            make_executor(ExecutorChoice(options=wrong), plugins)
    assert make_executor(ExecutorChoice(), plugins) is None
    assert local_executor({"workers": 2}) is not None


def test_the_options_that_are_listed_are_those_that_are_read():
    assert dict(Plugins(strict=True).executors["local"].options) == LocalOptions().model_dump()


def test_a_store_that_a_worker_sees_takes_no_record(plugins, store):
    (record,) = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)
    seen = OutcomeStore(store.root)
    assert seen.find(record.cell, record.task.id, record.backend.id) == record
    seen.add_newest(record)
    assert seen.outcomes == [record]
    with pytest.raises(StoreError, match="toy/squares × toy/colour"):
        seen.add(record)
    assert len(store.scan().records) == 1


def job(key, loads="", seconds=1.0, needs=()):
    return Job(key, None, None, None, tuple(needs), loads, Resources(), seconds)


def order(jobs, loaded=""):
    queue, taken = JobQueue(jobs), []
    while (one := queue.take(loaded)) is not None:
        taken.append(one.key)
        loaded = one.loads
        queue.done(one, failed=False)
    return taken


def test_trainings_come_first_and_what_waits_for_them_after():
    jobs = [
        job("long", seconds=100),
        job("cell", needs=["t2"]),
        job("t1"),
        job("t2"),
        job("rest", needs=["t1"], seconds=9),
    ]
    assert order(jobs) == ["t1", "t2", "long", "rest", "cell"]
    queue = JobQueue(jobs)
    first = queue.take("")
    assert (first.key, queue.take("").key, queue.take("").key, queue.take("")) == ("t1", "t2", "long", None)
    queue.done(first, failed=True)
    assert (queue.take(""), len(queue)) == (None, 1)  # what waited for it is dropped


def test_a_worker_goes_on_with_what_it_has_loaded():
    jobs = [job("a1", "a", 5), job("b1", "b", 4), job("a2", "a", 1), job("b2", "b", 4)]
    assert order(jobs) == ["b1", "b2", "a1", "a2"]  # the backend with most left, then its longest
    assert JobQueue(jobs).take("a").key == "a1"
    assert JobQueue(jobs).take("", {"b"}).key == "a1"
    queue = JobQueue(jobs)
    queue.put_back(queue.take("a"))
    assert len(queue) == 4


def test_a_loaded_backend_is_given_again_where_its_answers_depend_on_nothing_before(plugins):
    import dataclasses

    plan = make_plan(make_config({"tasks": "toy/squares", "backends": ["toy/colour", "control/constant"]}), plugins)
    colour, constant = plan.cells
    kept = dataclasses.replace(colour, backend=dataclasses.replace(colour.backend, stateless=True))
    loaded = LoadedBackend()
    first = loaded.build(kept, Told)
    first.calls.append("something that it counts")
    first.more = 1
    assert loaded.build(kept, Told) is first
    assert vars(first) == {"calls": []}
    assert loaded.build(constant, Told) is not first
    assert loaded.build(kept, Told) is not first
    assert loaded.build(colour, Told) is not loaded.build(colour, Told)


class Told:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


def test_the_work_of_all_workers_is_shown_as_one_and_what_is_over_is_forgotten():
    told = Told()
    shown = SharedProgress(told, 2)
    shown.show(1, ["begin", "x", None])
    shown.show(1, ["expect_work", "caption", 10])
    shown.show(2, ["begin", "phase", 4])
    shown.show(1, ["advance", 3, "caption"])
    shown.show(2, ["note", "a line"])
    assert told.calls[1:] == [
        ("expect_work", "caption", 10),
        ("expect_work", "", 4),
        ("advance", 3, "caption"),
        ("note", "a line"),
    ]
    told.calls.clear()
    shown.over(2)
    shown.go_on()
    assert told.calls == [("begin", "2 workers"), ("expect_work", "caption", 7)]


def test_executors_are_listed_and_chosen_on_the_command_line(tmp_path, capsys):
    assert main(["list", "executors"]) == 0
    assert "retries, shards, workers" in " ".join(capsys.readouterr().out.split())
    words = ["run", "--task", "wardrobe/image-to-image", "--backend", "control/constant", "--store", str(tmp_path)]
    assert main([*words, "--executor", "locla"]) == 2
    assert "did you mean local" in capsys.readouterr().err
    assert main([*words, "--executor-option", "workers=none"]) == 2
    assert "workers" in capsys.readouterr().err

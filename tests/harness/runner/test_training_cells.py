"""A training that cells depend on is a cell: executed once, recorded, reported, and its failure is theirs."""

from __future__ import annotations

import dataclasses
import json

import pytest
import toy_plugin
from same_process import SameProcess
from timeless_records import timeless_store

from fashionbench import Board, BoardSpec, Column, api
from fashionbench.cli.run_cost import cost_text
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ConfigError
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.origin import Origin
from fashionbench.progress import Silent
from fashionbench.records.store import Store
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.config import make_config
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.executors.contract import Job, Setup
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.runner.executors.ray_cluster import _needed
from fashionbench.runner.plan import make_plan
from fashionbench.specs import TrainerSpec
from fashionbench.training.contract import TrainingResult


class Lines(Silent):
    """A reporter that keeps its lines."""

    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)

    def end(self, outcome):
        self.lines.append(outcome)


def sign_trainer(config, context):
    """Write a model that is one sign; two phases."""
    toy_plugin.trainings.append(dict(config))
    assert context.part("toy/squares").fingerprint
    for phase in ("first", "second"):
        context.reporter.begin(phase, 3)
        context.reporter.advance(3)
        context.reporter.end("well")
    model = context.out / "model"
    model.mkdir(parents=True)
    (model / "sign.txt").write_text("1")
    (model / "training.json").write_text(json.dumps({"data": {"toy/squares": {"dataset": "toy-squares"}}}))
    return TrainingResult(model, model / "training.json", {"held-out recall": 0.5})


def failing_trainer(config, context):
    toy_plugin.trainings.append(dict(config))
    raise ZeroDivisionError("the loss is no number")


class Signed(toy_plugin.Colour):
    def encode_images(self, items, role):
        from pathlib import Path

        return float((Path(self.context.options["model"]) / "sign.txt").read_text()) * super().encode_images(
            items, role
        )


@pytest.fixture
def trained(plugins, monkeypatch):
    """Plugins with a trainer and a backend whose model it makes; the toy task has a training part."""
    monkeypatch.setattr(toy_plugin, "trainings", [], raising=False)
    monkeypatch.setattr(toy_plugin, "Signed", Signed, raising=False)
    monkeypatch.setattr(toy_plugin, "sign_trainer", sign_trainer, raising=False)
    monkeypatch.setattr(toy_plugin, "failing_trainer", failing_trainer, raising=False)
    monkeypatch.setattr(toy_plugin, "learns_from", lambda config: ["toy/squares"], raising=False)
    origin = Origin("t", "t", "1")
    trainer = TrainerSpec(
        id="t/trainer", summary="", target="toy_plugin:sign_trainer", phases=("first", "second"),
        tasks="toy_plugin:learns_from",
    )  # fmt: skip
    plugins.trainers.put(trainer, origin)
    spec = dataclasses.replace(
        plugins.backends["toy/colour"], id="t/signed", target="toy_plugin:Signed", options={"model": ""},
        models=("model",), trainer="t/trainer",
    )  # fmt: skip
    plugins.backends.put(spec, origin)
    return plugins


#: One model for both seeds, since the configuration names the seed of its training.
ONE_MODEL = {"id": "t/signed", "training": {"changes": {"seed": 0}}}
CONFIG = {"tasks": ["toy/squares"], "backends": [ONE_MODEL], "seeds": [0, 1]}


def test_a_dry_run_says_what_trainings_take_that_are_not_done(trained, store):
    def cost(seeds):
        cells, _ = api.preview({**CONFIG, "seeds": seeds, "backends": ["t/signed"]}, plugins=trained, store=store)
        return cost_text(cells)

    assert cost([0, 1]) == "about 0 s, and 2 cells and 2 trainings never run before"
    (record,) = api.run({**CONFIG, "seeds": [0], "backends": ["t/signed"]}, plugins=trained, store=store)
    (training,) = [one for one in store.scan().current() if one.task.id == "training"]
    for one, seconds in ((training, 900.0), (record, 60.0)):
        store.add_newest(one.model_copy(update={"cost": one.cost.model_copy(update={"wall_s": seconds})}))
    assert cost([0]) == "about 0 s"
    assert cost([0, 1]) == "about 16 min"
    assert cost([0, 1, 2, 3]) == "about 48 min"
    # One model for two cells is trained once.
    backend = {"id": "t/signed", "training": {"changes": {"seed": 7}}}
    cells, _ = api.preview({**CONFIG, "seeds": [4, 5], "backends": [backend]}, plugins=trained, store=store)
    assert cost_text(cells) == "about 17 min"


def test_each_seed_trains_a_model_of_its_own_and_all_stand_in_one_row(trained, store):
    config = {"tasks": ["toy/squares"], "backends": ["t/signed", "toy/colour"], "seeds": [0, 1, 2]}
    records = api.run(config, plugins=trained, store=store)
    assert toy_plugin.trainings == [{}, {"seed": 1}, {"seed": 2}]
    assert len({record.cell for record in records}) == 6
    api.run({**config, "seeds": [1]}, plugins=trained, store=store)
    assert len(toy_plugin.trainings) == 3
    spec = BoardSpec(id="b", title="b", summary="", columns=(Column(task="toy/squares", metric="mrr"),))
    board = Board.build(spec, store.scan().current(), trained)
    assert sorted((row.label, row.values[0].seeds) for row in board.tables[0].rows) == [
        ("t/signed", 3),
        ("toy/colour", 3),
    ]
    # Another seed than the cell's is another system, and so is other code of the trainer.
    api.run(
        {**config, "backends": [{"id": "t/signed", "training": {"changes": {"seed": 7}}}]}, plugins=trained, store=store
    )
    assert toy_plugin.trainings[3:] == [{"seed": 7}]
    rows = Board.build(spec, store.scan().current(), trained).tables[0].rows
    assert sorted((row.label, row.values[0].seeds) for row in rows) == [
        ("t/signed (t/trainer)", 3),
        ("t/signed (t/trainer, seed=7)", 3),
        ("toy/colour", 3),
    ]


def test_a_training_runs_once_and_has_a_record_that_its_dependants_name(trained, store):
    events = []

    class Listener:
        @hookimpl
        def on_run_start(self, event):
            events.append([str(cell) for cell in event.cells])

        @hookimpl
        def on_cell_end(self, event):
            events.append((event.cell.task, event.reused))

    trained.register(Listener(), Origin("listener", "tests", "1"))
    reporter = Lines()
    records = api.run(CONFIG, plugins=trained, store=store, reporter=reporter)
    assert toy_plugin.trainings == [{}]
    assert [record.status for record in records] == ["ok", "ok"]
    (training,) = [record for record in store.scan().records if record.task.id == "training"]
    assert (training.status, training.backend.id, training.dataset) == ("ok", "t/trainer", None)
    assert training.metric("held-out recall").value == 0.5
    assert training.training.data == {"toy/squares": "sha256:" + "0" * 64}
    assert {record.training.training for record in records} == {training.cell}
    assert [use.dataset for use in records[0].backend.training_data] == ["toy-squares"]
    assert events[0][0] == "training × t/trainer"
    assert events[1:] == [("training", False), ("toy/squares", False), ("toy/squares", False)]
    assert reporter.lines[:2] == ["training × t/trainer, first: well", "training × t/trainer, second: well"]
    again = api.run(CONFIG, plugins=trained, store=store)
    assert again == records
    assert len(toy_plugin.trainings) == 1


def test_other_code_of_the_trainer_trains_anew(trained, store, monkeypatch):
    first = api.run(CONFIG, plugins=trained, store=store)
    from fashionbench.runner import plan

    real = plan.code_hash
    monkeypatch.setattr(
        plan, "code_hash", lambda target: "sha256:edited" if target == "toy_plugin:sign_trainer" else real(target)
    )
    second = api.run(CONFIG, plugins=trained, store=store)
    assert len(toy_plugin.trainings) == 2
    assert {record.cell for record in first}.isdisjoint({record.cell for record in second})


def test_a_training_that_fails_is_tried_once_and_fails_every_cell_that_depends_on_it(trained, store):
    failing = dataclasses.replace(trained.trainers["t/trainer"], target="toy_plugin:failing_trainer")
    trained.trainers.put(failing, Origin("t", "t", "1"))
    records = api.run({**CONFIG, "backends": [ONE_MODEL, "toy/colour"]}, plugins=trained, store=store)
    assert [record.status for record in records] == ["error", "error", "ok", "ok"]
    assert len(toy_plugin.trainings) == 1
    for record in records[:2]:
        assert record.error.message == "the training of t/trainer failed: the loss is no number"
    (training,) = [record for record in store.scan().records if record.task.id == "training"]
    assert training.status == "error"
    assert "test_training_cells.py" in training.error.traceback


def test_two_runs_that_want_one_model_train_it_once(trained, store, monkeypatch):
    """The second run waits for the lock that the first holds, and finds the model when it gets it."""
    from threading import Event, Thread

    begun, go_on = Event(), Event()

    def slow_trainer(config, context):
        begun.set()
        assert go_on.wait(60)
        return sign_trainer(config, context)

    monkeypatch.setattr(toy_plugin, "sign_trainer", slow_trainer)
    config, found, waiting = {"tasks": "toy/squares", "backends": "t/signed"}, {}, Lines()

    def run(name, reporter):
        found[name] = api.run(config, store=store, plugins=trained, reporter=reporter)[-1]

    threads = [Thread(target=run, args=("first", Lines())), Thread(target=run, args=("second", waiting))]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    while not any("waiting for another training" in line for line in waiting.lines):
        assert threads[1].is_alive()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert len(toy_plugin.trainings) == 1
    assert found["first"].training.training == found["second"].training.training
    assert [record.status for record in found.values()] == ["ok", "ok"]
    assert len([record for record in store.scan().records if record.task.id == "training"]) == 1


def test_a_model_that_is_not_what_was_trained_is_named_and_measures_nothing(trained, store):
    api.run(CONFIG | {"seeds": [0]}, plugins=trained, store=store)
    (sign,) = (store.root / "models").rglob("sign.txt")
    sign.write_text("-1")  # such as by a flipped bit
    other, failed = api.run(
        CONFIG | {"backends": ["toy/colour", ONE_MODEL], "seeds": [1]}, plugins=trained, store=store
    )
    assert (other.status, failed.status) == ("ok", "error")
    assert "model is not what its training wrote" in failed.error.message
    assert failed.error.remedy.startswith("delete ")
    faults = api.verify_records(store, plugins=trained).faults
    assert [f"{sign.parent} is not what its training wrote" in fault.message for fault in faults] == [True]
    sign.unlink()
    assert "the folder is empty" in api.verify_records(store, plugins=trained).faults[0].message
    # As the remedy says:
    import shutil

    shutil.rmtree(sign.parent.parent)
    assert api.run(CONFIG | {"seeds": [1]}, plugins=trained, store=store)[0].status == "ok"
    assert api.verify_records(store, plugins=trained).faults == []


def test_an_executor_trains_first_and_the_cells_find_the_model(trained, store, tmp_path):
    executor = SameProcess()
    executor.register(trained)
    config = {**CONFIG, "backends": ["control/constant", ONE_MODEL], "executor": "same-process"}
    records = api.run(config, plugins=trained, store=store)
    assert [record.status for record in records] == ["ok"] * 4
    assert executor.given[0] == "training × t/trainer"
    assert len(executor.given) == 5
    assert toy_plugin.trainings == [{}]
    here = Store(tmp_path / "here")
    api.run({**config, "executor": "local"}, plugins=trained, store=here)
    assert timeless_store(store) == timeless_store(here)
    # A model that is there is not trained again.
    executor.given.clear()
    api.run({**config, "seeds": [2]}, plugins=trained, store=store)
    assert sorted(executor.given) == ["toy/squares × control/constant (seed 2)", "toy/squares × t/signed (seed 2)"]


@pytest.mark.parametrize("lose", [(), ("t/trainer",)])
def test_what_waits_for_a_training_that_fails_or_is_lost_is_an_error_with_its_reason(trained, store, lose):
    trainer = dataclasses.replace(trained.trainers["t/trainer"], target="toy_plugin:failing_trainer")
    trained.trainers.put(trainer, Origin("t", "t", "1"))
    executor = SameProcess(lose)
    executor.register(trained)
    records = api.run(
        {**CONFIG, "backends": [ONE_MODEL, "control/constant"], "executor": "same-process"},
        plugins=trained,
        store=store,
    )
    assert [record.status for record in records] == ["error", "error", "ok", "ok"]
    reason = "its machine is gone" if lose else "the loss is no number"
    assert all(record.error.message.startswith("the training of t/trainer failed: ") for record in records[:2])
    assert all(record.error.message.endswith(reason) for record in records[:2])
    assert toy_plugin.trainings == ([] if lose else [{}])


def test_a_machine_that_does_not_see_the_store_is_sent_the_model_and_trains_nothing(trained, store, tmp_path):
    api.run(CONFIG, plugins=trained, store=store)
    plan = make_plan(make_config(CONFIG), trained)
    job = Job.of_cell(0, plan.cells[0], (), EarlierCosts([]))
    sent = _needed(Setup(plan, store, "cpu", Silent(), trained), job)
    assert {name.rpartition("/")[2] for name in sent} > {"sign.txt", "training.json"}
    elsewhere = OutcomeStore(tmp_path / "elsewhere")
    for name, content in sent.items():
        (elsewhere.root / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere.root / name).write_bytes(content)
    work = CellWork(plan, trained, elsewhere, DataRoots(cache=tmp_path / "cache"), lambda *_: None)
    with work.context(Silent()) as context:
        record, error = work.execute(plan.cells[0], context)
    assert (error, record.status, toy_plugin.trainings) == (None, "ok", [{}])
    other = store.find(record.cell, record.task.id, record.backend.id)
    assert (record.metrics, record.training) == (other.metrics, other.training)


@pytest.mark.parametrize(("given", "said"), [({"workers": 2}, "has no workers"), ({"fsdp": True}, "cannot spread")])
def test_what_a_trainer_cannot_do_is_refused_before_it_begins(trained, tmp_path, monkeypatch, given, said):
    with pytest.raises(ConfigError, match=f"t/trainer .*{said}"):
        api.train("t/trainer", out=tmp_path / "out", plugins=trained, **given)
    assert toy_plugin.trainings == [] and not (tmp_path / "out").exists()
    told = []
    monkeypatch.setattr(
        toy_plugin, "sign_trainer", lambda _, context: told.append(context) or TrainingResult(None, None)
    )
    spec = dataclasses.replace(trained.trainers["t/trainer"], id="t/able", workers=True, fsdp=True)
    trained.trainers.put(spec, Origin("t", "t", "1"))
    api.train("t/able", out=tmp_path / "out", plugins=trained, **given)
    assert {name: getattr(told[0], name) for name in given} == given

"""What decides a number decides the cell and the cache key: each case answered with an older number before."""

from __future__ import annotations

import dataclasses
import shutil
import types

import numpy as np
import pytest
import toy_plugin

from fashionbench import api
from fashionbench.plugins.origin import Origin
from fashionbench.runner import rescoring
from fashionbench.runner.config import make_config
from fashionbench.runner.execute import process_facts
from fashionbench.runner.plan import make_plan
from fashionbench.specs.protocol import ProtocolCard


def put(plugins, name, target, **fields):
    """Register a backend of this test; its target is an attribute of the toy plugin's module."""
    spec = dataclasses.replace(
        plugins.backends["toy/colour"], id=name, target=f"toy_plugin:{target}", **{"options": {}, **fields}
    )
    plugins.backends.put(spec, Origin("t", "t", "1"))


def run(plugins, store, *backends, task="toy/squares", **more):
    return api.run({"tasks": task, "backends": list(backends), **more}, plugins=plugins, store=store)


class Blurred(toy_plugin.Colour):
    """Adds noise of the size that an option says, and calls itself the same whatever it is."""

    def fingerprint(self):
        return "always the same"

    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        return rows + float(self.context.options["noise"]) * np.random.default_rng(0).normal(size=rows.shape)


def test_two_options_of_one_backend_with_a_constant_fingerprint_are_two_cells_and_two_numbers(
    plugins, store, monkeypatch
):
    monkeypatch.setattr(toy_plugin, "Blurred", Blurred, raising=False)
    put(plugins, "t/blurred", "Blurred", options={"noise": 0.0})
    choices = [{"id": "t/blurred", "options": {"noise": noise}} for noise in (0.0, 1000.0)]
    sharp, blurred = run(plugins, store, *choices)
    assert sharp.cell != blurred.cell
    assert (sharp.decoding.cached, blurred.decoding.cached) == (0, 0)
    assert sharp.metric("hit@1").value == 1.0
    assert blurred.metric("hit@1").value < 0.7


@pytest.mark.parametrize("changed", ["revision", "code", "seed"])
def test_a_fingerprint_may_only_add(plugins, store, monkeypatch, changed):
    monkeypatch.setattr(toy_plugin, "Blurred", Blurred, raising=False)
    put(plugins, "t/blurred", "Blurred", options={"noise": 0.0})
    first = run(plugins, store, "t/blurred")[0]
    if changed == "revision":
        put(plugins, "t/blurred", "Blurred", options={"noise": 0.0}, revision="2")
    if changed == "code":
        from fashionbench.runner import plan

        edited = plugins.backends["t/blurred"].target
        real = plan.code_hash
        monkeypatch.setattr(plan, "code_hash", lambda target: "sha256:edited" if target == edited else real(target))
    again = run(plugins, store, "t/blurred", seeds=[1] if changed == "seed" else [0])[0]
    assert again.decoding.cached == 0
    assert again.cell != first.cell


class Weighted(toy_plugin.Colour):
    """Reads what it is multiplied with from a folder, and says nothing of a fingerprint."""

    fingerprint = None

    def encode_images(self, items, role):
        from pathlib import Path

        sign = float((Path(self.context.options["model"]) / "weights.txt").read_text())
        return sign * super().encode_images(items, role)


def test_weights_replaced_in_a_folder_are_two_cells_and_two_numbers(plugins, store, monkeypatch, tmp_path):
    monkeypatch.setattr(toy_plugin, "Weighted", Weighted, raising=False)
    put(plugins, "t/weighted", "Weighted", options={"model": ""}, models=("model",))
    choice = {"id": "t/weighted", "options": {"model": str(tmp_path / "m")}}
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "weights.txt").write_text("1")
    (tmp_path / "m" / "training.json").write_text("{}")
    right = run(plugins, store, choice)[0]
    (tmp_path / "m" / "weights.txt").write_text("-1")
    wrong = run(plugins, store, choice)[0]
    assert right.cell != wrong.cell
    assert (right.metric("hit@1").value, wrong.metric("hit@1").value) == (1.0, 0.0)
    assert wrong.decoding.cached == 0
    # Another place, and another record of the training, are the same model: its content is its fingerprint.
    shutil.move(tmp_path / "m", tmp_path / "moved")
    (tmp_path / "moved" / "training.json").write_text('{"data": {}}')
    moved = {"id": "t/weighted", "options": {"model": str(tmp_path / "moved")}}
    assert run(plugins, store, moved)[0] == wrong
    again = api.run({"tasks": ["toy/squares"], "backends": [moved]}, plugins=plugins, store=store, rerun=True)[0]
    assert again.decoding.cached == 16


def test_a_backend_that_learns_is_not_served_the_vectors_of_another_fold(plugins, store, monkeypatch):
    class Constant(toy_plugin.Learner):
        """Learns where red lies, in a fold or the other, and calls itself the same."""

        def fingerprint(self):
            return "constant"

        def encode_texts(self, items, role):
            return super().encode_texts(items, role) * (1 if self.learnt[-1][0] == "all" else -1)

    def two_folds(spec, roots):
        task = toy_plugin.squares(spec, roots)
        fold = task.folds[0]
        other = dataclasses.replace(fold, name="other", training=dataclasses.replace(fold.training, fold="other"))
        task._folds = [fold, other]
        return task

    monkeypatch.setattr(toy_plugin, "Constant", Constant, raising=False)
    monkeypatch.setattr(toy_plugin, "two_folds", two_folds, raising=False)
    put(plugins, "t/constant", "Constant", fits=True)
    squares = plugins.tasks["toy/squares"]
    card = ProtocolCard.of("toy/two", squares.version, squares.protocol.fields)
    task = dataclasses.replace(squares, id="toy/two", target="toy_plugin:two_folds", protocol=card)
    plugins.tasks.put(task, Origin("t", "t", "1"))
    record = run(plugins, store, "t/constant", task="toy/two")[0]
    assert record.metric("hit@1").value == 0.5  # all in the one fold, none in the other
    assert record.metric("hit@1", "other").value == 0.0


def test_a_learning_rate_that_is_changed_in_a_recipe_is_another_training(plugins, monkeypatch, tmp_path):
    """The recipe is a data file of the trainer's package, and its hash is in the name of the training."""
    from fashionbench.runner import code_hash as module

    config = make_config({"tasks": "atelier/fashiongen-full", "backends": "unifashion-quick"})
    before = make_plan(config, plugins).trainings[0]
    real = module._source_file("fashionbench_unifashion").parent
    shutil.copytree(real, tmp_path / "fashionbench_unifashion")
    recipe = tmp_path / "fashionbench_unifashion" / "recipes" / "unifashion-quick.yaml"
    assert "lr:" in recipe.read_text()
    cached = (module._module_hash, module._siblings, module._source_file)
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path / "fashionbench_unifashion")])
    find = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: spec if name == "fashionbench_unifashion" else find(name))
    for one in cached:
        one.cache_clear()
    same = make_plan(config, plugins).trainings[0]
    recipe.write_text(recipe.read_text().replace("lr: ", "lr: 1", 1))
    for one in cached:
        one.cache_clear()
    after = make_plan(config, plugins).trainings[0]
    monkeypatch.undo()
    for one in cached:
        one.cache_clear()
    assert before.id({}) == same.id({}) != after.id({})


def test_other_data_are_another_training(plugins):
    config = make_config({"tasks": "atelier/fashiongen-full", "backends": "unifashion-quick"})
    training = make_plan(config, plugins).trainings[0]
    assert "atelier/fashiongen-full" in training.tasks
    one, other = (dict.fromkeys(training.tasks, digit) for digit in "12")
    assert training.id(one) != training.id(other)
    assert training.id(one) != dataclasses.replace(training, config={"seed": 1}).id(one)


def test_metrics_that_were_absent_are_computed_without_asking_the_backend_again(plugins, store, monkeypatch):
    toy_plugin.Counting.calls.clear()
    spec = plugins.metrics["mrr"]
    plugins.metrics.put(
        dataclasses.replace(spec, programs=("no-such-program-here",), target="toy_plugin:lacking"), None
    )
    monkeypatch.setattr(toy_plugin, "lacking", _lacking, raising=False)
    first = run(plugins, store, "toy/counting")[0]
    assert [part.id for part in first.absent] == ["mrr"]
    assert run(plugins, store, "toy/counting")[0] == first  # its needs are still not met
    plugins.metrics.put(spec, None)
    again = run(plugins, store, "toy/counting")[0]
    assert again.metric("mrr").value == 1.0
    assert again.absent == ()
    assert again.supersedes == first.record_id
    assert (again.rescored.record, again.rescored.metrics) == (first.record_id, ("mrr",))
    assert again.predictions == first.predictions
    assert [part for part in again.metrics if part.id != "mrr"] == list(first.metrics)
    assert toy_plugin.Counting.calls == [8, 3]
    assert run(plugins, store, "toy/counting")[0] == again


def _lacking(table, arguments):
    from fashionbench.errors import MetricError

    raise MetricError("a program is missing")


def test_a_store_is_rescored_where_a_metric_has_a_newer_implementation(plugins, store):
    first = run(plugins, store, "toy/colour")[0]
    spec = plugins.metrics["hit@k"]
    plugins.metrics.put(dataclasses.replace(spec, implementation="fashionbench.hit/99"), None)
    said = []
    made = rescoring.rescore_store(store, plugins, process_facts(plugins), said.append)
    assert [record.metric("hit@1").implementation for record in made] == ["fashionbench.hit/99"]
    assert made[0].metric("mrr") == first.metric("mrr")
    assert said == ["toy/squares × toy/colour: computed hit@1"]
    assert rescoring.rescore_store(store, plugins, process_facts(plugins), said.append) == []
    assert [record.record_id for record in store.scan().current()] == [made[0].record_id]


def test_any_exception_of_a_metric_makes_that_metric_absent_with_its_traceback(plugins, store, monkeypatch):
    def raising(table, arguments):
        raise KeyError("a bug in a metric")

    monkeypatch.setattr(toy_plugin, "raising", raising, raising=False)
    plugins.metrics.put(dataclasses.replace(plugins.metrics["mrr"], target="toy_plugin:raising"), None)
    record = run(plugins, store, "toy/colour")[0]
    assert record.status == "ok"
    assert record.metric("hit@1").value == 1.0
    assert [(part.id, part.reason) for part in record.absent] == [("mrr", "KeyError: 'a bug in a metric'")]
    assert "test_identity.py" in record.absent[0].traceback


def test_an_option_that_is_a_tuple_names_no_weights(plugins, store, monkeypatch):
    """Without a fingerprint and without weights of known content, nothing is kept for another run."""
    monkeypatch.setattr(toy_plugin, "Bare", type("Bare", (toy_plugin.Colour,), {"fingerprint": None}), raising=False)
    put(plugins, "t/bare", "Bare", options={"layers": ()})
    choice = {"id": "t/bare", "options": {"layers": ("a", "b")}}
    config = {"tasks": ["toy/squares"], "backends": [choice]}
    assert api.run(config, plugins=plugins, store=store)[0].status == "ok"
    assert api.run(config, plugins=plugins, store=store, rerun=True)[0].decoding.cached == 0

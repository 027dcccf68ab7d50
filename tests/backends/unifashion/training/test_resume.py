"""A training that is interrupted anywhere and goes on ends with the same weights, bit for bit."""

from __future__ import annotations

import signal
import time

import pytest
from forked_command import start_command

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import ConfigError, DataError
from fashionbench_unifashion.model.unifashion import load
from fashionbench_unifashion.training.checkpoints import PhaseFolder

pytestmark = pytest.mark.slow


class StoppedError(Exception):
    pass


class InterruptingLog:
    """Keeps the log of each phase, and stops the training the first time that it comes to some places."""

    def __init__(self, wanted):
        self._wanted = wanted

    def phase(self, name, folder):
        def track(step, values):
            kind = "held" if "held/score" in values else "step"
            folder.log(step, values)
            if (name, step, kind) in self._wanted:
                self._wanted.remove((name, step, kind))
                raise StoppedError

        return track


def go_on(made, wanted):
    """Run what is left of the phases."""
    log = InterruptingLog(wanted)
    return [made._phase(number, name, phase, log) for number, (name, phase) in enumerate(made.recipe.phases.items())]


def weights(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def figures(training):
    """The log of every phase without what depends on the clock."""
    phases = enumerate(training.recipe.phases)
    return {
        name: [
            {key: value for key, value in line.items() if not key.startswith("clock/")}
            for line in PhaseFolder(training.out / "phases" / f"{number}-{name}").lines()
        ]
        for number, name in phases
    }


@pytest.mark.acceptance
def test_a_training_that_is_interrupted_in_every_phase_ends_the_same(trained, training, tmp_path):
    wanted = set()
    for name, phase in trained.recipe.phases.items():
        wanted |= {(name, 0, "held"), (name, 2, "step"), (name, phase.steps, "held")}
    stops = len(wanted)
    interruptions = 0
    while True:
        made = training(tmp_path)
        try:
            go_on(made, wanted)
            break
        except StoppedError:
            interruptions += 1
    assert interruptions == stops == 18
    assert same(weights(made.model), weights(trained.model))
    assert figures(made) == figures(trained)


def test_a_process_that_is_killed_goes_on(trained, training, twin, tmp_path):
    out = tmp_path / "out"
    words = ["train", "unifashion-nano", "--out", str(out), "--data", f"atelier={twin}", "--device", "cpu"]
    process = start_command(*words, folder=tmp_path, printed=tmp_path / "printed", threads=torch.get_num_threads())
    checkpoint = out / "phases" / "1-1a" / "checkpoint.pt"
    while not checkpoint.is_file() and process.is_alive():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, (tmp_path / "printed").read_text()
    assert (out / "phases" / "0-vae" / "done.json").is_file()
    assert not (out / "model").exists()
    made = training(out)
    go_on(made, set())
    assert same(weights(made.model), weights(trained.model))


def test_a_finished_training_is_read_and_not_done_again(trained, training):
    before = {path: path.stat().st_mtime_ns for path in trained.out.rglob("*") if path.is_file()}
    made = training(trained.out)
    summaries = go_on(made, set())
    assert same(weights(made.model), weights(trained.model))
    assert [summary["kind"] for summary in summaries] == [phase.kind for phase in trained.recipe.phases.values()]
    assert before == {path: path.stat().st_mtime_ns for path in trained.out.rglob("*") if path.is_file()}


def test_the_folder_holds_the_model_its_record_and_a_report(trained):
    result = trained.result
    assert same(weights(load(result.model)), weights(trained.model))
    assert {*result.figures} == {f"{name}: held-out score" for name in trained.recipe.phases}
    assert result.record.read_text() == (result.model / "training.json").read_text()
    page = (trained.out / "report.html").read_text()
    for number, name in enumerate(trained.recipe.phases):
        image = f"curves/{number}-{name}.svg"
        assert image in page
        assert f"{name}: held out</text>" in (trained.out / image).read_text()


@pytest.mark.parametrize("changes", [{"images_each": 2}, {"phases": {"1a": {"lr": 0.5}}}, {"limit": 20}])
def test_a_folder_of_another_recipe_is_refused(trained, training, changes):
    with pytest.raises(ConfigError, match="another recipe") as caught:
        training(trained.out, **changes)
    assert "--out" in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", "[" * 5000, '{"digest": NaN}'], ids=range(4))
def test_a_damaged_recipe_of_a_folder_is_named(training, tmp_path, content):
    (tmp_path / "recipe.json").write_text(content)
    (tmp_path / "phases").mkdir()  # a training that had begun
    with pytest.raises(DataError, match="recipe.json is (damaged|nested)") as caught:
        training(tmp_path)
    assert caught.value.remedy == "remove it, or choose another folder"


def test_another_seed_is_another_training(trained, training, tmp_path):
    made = training(tmp_path, seed=1, data={"tryon_examples": []}, phases=dict.fromkeys(["vae", "try-on"]))
    assert not torch.equal(made.model.qformer.reference, trained.model.qformer.reference)

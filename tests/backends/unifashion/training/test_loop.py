"""The loop of a phase: when it ends, and what it tells of each step."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch
from accelerate import tracking

from fashionbench.errors import ConfigError, FieldError
from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.recipe import load_recipe

pytestmark = pytest.mark.slow
OTHERS = dict.fromkeys(["vae", "1b-language", "1b-diffusion", "2", "try-on"])


def test_a_phase_ends_when_nothing_better_was_found_so_often(training, tmp_path):
    # No step makes anything better.
    phase = {"steps": 9, "lr": 1e-12, "evaluate_every": 1, "patience": 2, "checkpoint_every": 1}
    training(tmp_path, phases=OTHERS | {"1a": phase}).run()
    folder = tmp_path / "phases" / "0-1a"
    done = json.loads((folder / "done.json").read_text())
    assert (done["steps"], done["best step"]) == (2, 0)
    lines = PhaseFolder(folder).lines()
    assert [line["step"] for line in lines] == [0, 1, 2]
    for line in lines[1:]:
        assert line["clock/examples per s"] > 0 and line["clock/peak memory MiB"] > 10
        assert {"lr", "gradient", "loss"} <= line.keys()


class StoppedError(Exception):
    pass


class StoppingLog:
    """Keeps the log of a phase, and stops the training once, after a step."""

    def __init__(self, after):
        self._after = after

    def phase(self, _name, folder):
        def track(step, values):
            folder.log(step, values)
            if step == self._after and "held/score" not in values:
                self._after = None
                raise StoppedError

        return track


@pytest.fixture
def stopped(training, tmp_path):
    """A function that trains phase 1a until it is stopped after its second step, and returns what goes on with it."""

    def stop(scaler=None, **fields):
        phases = OTHERS | {"1a": {"lr": 1e-12, "evaluate_every": 1, "checkpoint_every": 1, **fields}}
        log = StoppingLog(2)

        def run():
            made = training(tmp_path, phases=phases)
            made.accelerator.scaler = scaler
            return made._phase(0, "1a", made.recipe.phases["1a"], log)

        with pytest.raises(StoppedError):
            run()
        return run

    return stop


def test_patience_is_counted_on_where_a_training_resumes(stopped):
    assert stopped(steps=9, patience=3)()["steps"] == 3


def test_another_number_of_processes_is_refused(stopped, tmp_path):
    go_on = stopped(steps=3)
    path = tmp_path / "phases" / "0-1a" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    assert state["processes"] == 1
    torch.save(state | {"processes": 2}, path)
    with pytest.raises(ConfigError, match="phase 1a was begun with 2 processes, and would go on with 1"):
        go_on()
    torch.save(state, path)
    assert go_on()["steps"] == 3


def test_the_loss_scale_of_half_precision_is_kept(stopped, tmp_path):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**9, growth_interval=1)
    go_on = stopped(scaler, steps=3)
    scale = torch.load(tmp_path / "phases" / "0-1a" / "checkpoint.pt", weights_only=True)["loss scale"]["scale"]
    assert scale > 2.0**9
    scaler.load_state_dict(scaler.state_dict() | {"scale": 1.0})
    go_on()
    assert scaler.state_dict()["scale"] > scale


def test_patience_and_the_last_weights_contradict_each_other():
    with pytest.raises(FieldError, match="patience waits for a better score"):
        load_recipe("unifashion-nano", {"phases": {"1a": {"patience": 2, "keep": "last"}}})


def test_a_tracker_is_told_every_figure_and_one_that_is_not_installed_is_named(training, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="the tracker wandb is not installed") as caught:
        training(tmp_path / "a", trackers=["wandb"])
    assert "pip install wandb" in str(caught.value)
    told, states = [], []

    class Kept(tracking.GeneralTracker):
        name, requires_logging_directory = "kept", False

        def __init__(self, run):
            super().__init__()
            states.append(run)

        def start(self):
            states.append("started")

        tracker = store_init_configuration = None

        def log(self, values, step=None):
            told.append(values)

        def finish(self):
            states.append("finished")

    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "trackio", Kept)
    monkeypatch.setattr("fashionbench_unifashion.training.trackers.find_spec", lambda _name: object())
    training(tmp_path / "b", phases=OTHERS | {"1a": {"steps": 2}}, trackers=["trackio"]).run()
    assert states == ["unifashion-nano", "started", "finished"]
    assert [values["1a/step"] for values in told] == [0, 1, 2, 2]
    assert told[1]["1a/loss"] == PhaseFolder(tmp_path / "b" / "phases" / "0-1a").lines()[1]["loss"]

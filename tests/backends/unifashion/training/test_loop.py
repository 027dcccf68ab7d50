"""The loop of a phase: when it ends, and what it tells of each step."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

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


@pytest.mark.acceptance
def test_patience_is_counted_on_where_a_training_resumes(training, tmp_path):
    phase = {"steps": 9, "lr": 1e-12, "evaluate_every": 1, "patience": 3, "checkpoint_every": 1}
    whole = training(tmp_path, phases=OTHERS | {"1a": phase})
    seen = []

    class StoppedError(Exception):
        pass

    class Log:
        def phase(self, _name, folder):
            def track(step, values):
                folder.log(step, values)
                seen.append(step)
                if step == 2 and "held/score" not in values and seen.count(2) == 1:
                    raise StoppedError

            return track

    with pytest.raises(StoppedError):
        whole._phase(0, "1a", whole.recipe.phases["1a"], Log())
    again = training(tmp_path, phases=OTHERS | {"1a": phase})
    assert again._phase(0, "1a", again.recipe.phases["1a"], Log())["steps"] == 3


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

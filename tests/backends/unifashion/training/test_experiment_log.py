"""What a training tells TensorBoard, by TensorBoard's own reader."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.experiment_log import ExperimentLog


def test_every_figure_of_every_step_is_told(tmp_path):
    with ExperimentLog(tmp_path, main=True) as log:
        for phase, steps in (("1a", 3), ("2", 2)):
            track = log.phase(phase, PhaseFolder(tmp_path / phase))
            for step in range(1, steps + 1):
                track(step, {"loss": 1 / step, "held/score": float(step)})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert sorted(events.Tags()["scalars"]) == ["1a/held/score", "1a/loss", "2/held/score", "2/loss"]
    assert [(event.step, event.value) for event in events.Scalars("1a/held/score")] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert [event.value for event in events.Scalars("1a/loss")] == pytest.approx([1, 1 / 2, 1 / 3])
    assert len(events.Scalars("2/loss")) == 2
    assert [line["loss"] for line in PhaseFolder(tmp_path / "2").lines()] == [1.0, 0.5]


def test_another_process_writes_no_file_of_tensorboard(tmp_path):
    with ExperimentLog(tmp_path, main=False):
        pass
    assert list(tmp_path.iterdir()) == []

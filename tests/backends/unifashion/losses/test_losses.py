from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import BackendError

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch.nn import functional

from fashionbench_unifashion.losses.losses import LossWeights, answer_loss, itc, itg, itm, similarity, total

SCORES = [[0.9, 0.2, 0.4], [0.1, 0.7, 0.3], [0.5, 0.6, 0.8]]


def share(scores: list[float], own: int) -> float:
    """Of one row: -log of the softmax at its own place."""
    return -math.log(math.exp(scores[own]) / sum(math.exp(score) for score in scores))


def by_hand(scores: list[list[float]], temperature: float) -> tuple[float, float]:
    rows = [[score / temperature for score in row] for row in scores]
    columns = [list(column) for column in zip(*rows, strict=True)]
    count = len(scores)
    return (
        sum(share(rows[i], i) for i in range(count)) / count,
        sum(share(columns[i], i) for i in range(count)) / count,
    )


def test_similarity_is_that_of_the_best_query() -> None:
    images = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [-1.0, 0.0]]])
    texts = torch.tensor([[0.6, 0.8], [-1.0, 0.0], [0.0, -1.0]])
    # Image 0: max(0.6, 0.8), max(-1, 0), max(0, -1). Image 1: max(1, -0.6), max(-0.6, 1), max(-0.8, 0).
    assert torch.allclose(similarity(images, texts), torch.tensor([[0.8, 0.0, 0.0], [1.0, 1.0, 0.0]]), atol=1e-6)


def test_contrast_is_equation_3_in_both_directions() -> None:
    forth, back = by_hand(SCORES, 0.5)
    scores = torch.tensor(SCORES)
    assert itc(scores, 0.5).item() == pytest.approx((forth + back) / 2)
    assert itc(scores, 0.5, directions="sum").item() == pytest.approx(forth + back)
    assert itc(scores.T, 0.5).item() == pytest.approx((forth + back) / 2)
    # Written out for one row: 1.8, 0.4 and 0.8 after division.
    first = math.log(1 + math.exp(0.4 - 1.8) + math.exp(0.8 - 1.8))
    assert share([1.8, 0.4, 0.8], 0) == pytest.approx(first)


def test_contrast_that_knows_nothing_is_log_of_the_batch() -> None:
    assert itc(torch.zeros(5, 5), 0.07).item() == pytest.approx(math.log(5))


def test_pairs_that_are_the_same_leave_the_denominator() -> None:
    same = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    rows = [[1.8, 0.8], [1.4, 0.6], [1.0, 1.2, 1.6]]
    columns = [[1.8, 1.0], [1.4, 1.2], [0.8, 0.6, 1.6]]
    owns = [0, 0, 2]
    expected = sum(share(row, own) for part in (rows, columns) for row, own in zip(part, owns, strict=True)) / 6
    assert itc(torch.tensor(SCORES), 0.5, same=same).item() == pytest.approx(expected)
    # The diagonal of ``same`` says nothing.
    without = same & ~torch.eye(3, dtype=torch.bool)
    assert itc(torch.tensor(SCORES), 0.5, same=without).item() == pytest.approx(expected)


def test_smoothing_spreads_a_share_over_what_is_counted() -> None:
    def smooth(scores: list[float], own: int) -> float:
        return 0.9 * share(scores, own) + 0.1 * sum(share(scores, j) for j in range(len(scores))) / len(scores)

    same = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    rows = [[1.8, 0.8], [1.4, 0.6], [1.0, 1.2, 1.6]]
    columns = [[1.8, 1.0], [1.4, 1.2], [0.8, 0.6, 1.6]]
    expected = sum(smooth(row, own) for part in (rows, columns) for row, own in zip(part, [0, 0, 2], strict=True)) / 6
    assert itc(torch.tensor(SCORES), 0.5, same=same, smoothing=0.1).item() == pytest.approx(expected)


@given(seed=st.integers(0, 10_000), count=st.integers(2, 8), smoothing=st.sampled_from([0.0, 0.1]))
def test_contrast_agrees_with_torch_and_does_not_mind_order_or_scale(seed: int, count: int, smoothing: float) -> None:
    random = torch.Generator().manual_seed(seed)
    scores = torch.rand(count, count, generator=random, dtype=torch.float64) * 2 - 1
    own = torch.arange(count)
    theirs = [functional.cross_entropy(side / 0.3, own, label_smoothing=smoothing) for side in (scores, scores.T)]
    ours = itc(scores, 0.3, smoothing=smoothing)
    assert ours.item() == pytest.approx((theirs[0] + theirs[1]).item() / 2)
    order = torch.randperm(count, generator=random)
    assert itc(scores[order][:, order], 0.3, smoothing=smoothing).item() == pytest.approx(ours.item())
    assert itc(scores * 2, 0.6, smoothing=smoothing).item() == pytest.approx(ours.item())
    assert itc(scores + 0.4, 0.3, smoothing=smoothing).item() == pytest.approx(ours.item())


def test_the_gradient_of_contrast_is_finite_with_and_without_masked_pairs() -> None:
    scores = torch.tensor(SCORES, requires_grad=True)
    same = torch.tensor([[True, True, True], [True, True, False], [True, False, True]])
    itc(scores, 0.5, same=same, smoothing=0.1).backward()
    assert bool(torch.isfinite(scores.grad).all())
    assert scores.grad[0, 1] == scores.grad[1, 0] == scores.grad[0, 2] == 0
    assert scores.grad[1, 2] != 0


@pytest.mark.parametrize("same", [None, torch.ones(2, 2, dtype=torch.bool)])
def test_a_batch_without_negatives_is_refused(same: torch.Tensor | None) -> None:
    count = 1 if same is None else 2
    with pytest.raises(BackendError, match=f"none of the {count} pairs has a negative"):
        itc(torch.zeros(count, count), 0.07, same=same)


def test_similarities_without_a_diagonal_are_refused() -> None:
    with pytest.raises(BackendError, match=r"shape \[2, 3\] have no diagonal"):
        itc(torch.zeros(2, 3), 0.07)


def test_matching_is_the_cross_entropy_of_no_and_yes() -> None:
    logits = torch.tensor([[0.0, 2.0], [1.0, -1.0], [0.5, 0.5]])
    # Yes at -log σ(2); no at -log σ(2); no at log 2.
    expected = (2 * math.log(1 + math.exp(-2)) + math.log(2)) / 3
    assert itm(logits, torch.tensor([1, 0, 0])).item() == pytest.approx(expected)
    assert itm(logits + 3, torch.tensor([1, 0, 0])).item() == pytest.approx(expected)
    with pytest.raises(BackendError, match="no pairs"):
        itm(torch.zeros(0, 2), torch.zeros(0))


def test_generation_predicts_the_next_word_piece_and_leaves_padding_out() -> None:
    one, two = [0.3, 1.2, -0.5], [0.0, -1.0, 2.0]
    rubbish = [9.0, -9.0, 3.0]
    logits = torch.tensor([[one, two, rubbish], [two, rubbish, rubbish]])
    ids = torch.tensor([[0, 2, 1], [0, 1, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    # Predicted are 2 from one, 1 from two, and in the second text 1 from two.
    pairs = [(one, 2), (two, 1), (two, 1)]
    assert itg(logits, ids, mask, smoothing=0.0).item() == pytest.approx(sum(share(*pair) for pair in pairs) / 3)

    def smooth(scores: list[float], own: int) -> float:
        return 0.9 * share(scores, own) + 0.1 * sum(share(scores, j) for j in range(3)) / 3

    assert itg(logits, ids, mask).item() == pytest.approx(sum(smooth(*pair) for pair in pairs) / 3)


def test_only_the_answer_of_the_language_model_counts() -> None:
    scores = [[0.1, 0.9, 0.0], [1.5, 0.0, 0.2], [0.0, 0.3, 0.6], [5.0, 5.0, 5.0]]
    labels = torch.tensor([[-100, -100, 2, 0]])
    expected = (share(scores[1], 2) + share(scores[2], 0)) / 2
    assert answer_loss(torch.tensor([scores]), labels).item() == pytest.approx(expected)
    changed = torch.tensor([scores])
    changed[0, [0, 3]] = -7.0
    assert answer_loss(changed, labels).item() == pytest.approx(expected)
    with pytest.raises(BackendError, match="to predict"):
        answer_loss(torch.tensor([scores]), torch.full((1, 4), -100))


def test_texts_of_one_word_piece_have_nothing_to_predict() -> None:
    with pytest.raises(BackendError, match="to predict"):
        itg(torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long), torch.tensor([[1, 0, 0], [1, 0, 0]]))


def test_composed_retrieval_adds_its_three_losses() -> None:
    parts = {"itc": torch.tensor(0.5), "caption": torch.tensor(0.25), "itm": torch.tensor(2.0)}
    assert total(parts, LossWeights()).item() == 2.75
    assert total(parts, LossWeights(caption=2, itm=0)).item() == 1.0


def test_the_total_weighs_what_is_there() -> None:
    parts = {"itc": torch.tensor(1.0, requires_grad=True), "answer": torch.tensor(2.0), "q2i": torch.tensor(4.0)}
    loss = total(parts, LossWeights(itc=3, q2i=0.5))
    assert loss.item() == 3 + 2 + 2
    loss.backward()
    assert parts["itc"].grad.item() == 3


def test_a_loss_without_a_weight_or_that_is_not_finite_is_refused_by_name() -> None:
    with pytest.raises(BackendError, match=r"\['atv'\] have no weight"):
        total({"atv": torch.tensor(1.0)}, LossWeights())
    with pytest.raises(BackendError, match="diverged: {'itm': nan}"):
        total({"itc": torch.tensor(1.0), "itm": torch.tensor(math.nan)}, LossWeights())


def test_equal_pairs_may_share_the_label():
    """Two pairs of one product, by hand: each row's label is half on either."""
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.7, 0.9, 0.2], [0.0, 0.1, 0.5]])
    same = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    found = itc(scores, 0.5, same=same, shared_targets=True)
    expected = 0.0
    for matrix in (scores, scores.T):
        shares = (matrix / 0.5).log_softmax(dim=1)
        rows = [-(shares[0, 0] + shares[0, 1]) / 2, -(shares[1, 0] + shares[1, 1]) / 2, -shares[2, 2]]
        expected += sum(rows) / 3 / 2
    torch.testing.assert_close(found, expected)
    assert found != itc(scores, 0.5, same=same)
    nothing_equal = torch.eye(3, dtype=torch.bool)
    torch.testing.assert_close(
        itc(scores, 0.5, same=nothing_equal, shared_targets=True), itc(scores, 0.5, same=nothing_equal)
    )

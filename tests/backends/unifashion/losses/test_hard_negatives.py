from __future__ import annotations

import math

import pytest

from fashionbench.errors import BackendError

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench_unifashion.losses.hard_negatives import assemble, draw, equal


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_equal_keys_are_marked() -> None:
    assert equal(["a", "b", "a"]).tolist() == [[True, False, True], [False, True, False], [True, False, True]]


def test_columns_are_drawn_by_their_share_of_the_softmax() -> None:
    logits = torch.tensor([[50.0, 0.0, math.log(3), -60.0]] * 4)
    random = generator()
    drawn = torch.stack([draw(logits, random).partners for _ in range(4000)])
    # Row 0 may take columns 1, 2 and 3, at shares 1 : 3 : e^-60.
    counts = torch.bincount(drawn[:, 0], minlength=4)
    assert counts[0] == counts[3] == 0
    # Three standard deviations of 4000 draws at 0.25.
    assert abs(counts[1].item() / 4000 - 0.25) < 3 * math.sqrt(0.25 * 0.75 / 4000)
    # Row 1 may take column 0, which outweighs all.
    assert set(drawn[:, 1].tolist()) == {0}


def test_no_row_draws_itself_or_what_is_the_same() -> None:
    random = generator(1)
    same = equal(["a", "b", "a", "c", "b", "a"])
    for _ in range(200):
        drawn = draw(torch.randn(6, 6, generator=random) * 5, random, same=same)
        assert drawn.rows.tolist() == list(range(6))
        assert not bool(same[drawn.rows, drawn.partners].any())
        assert drawn.without == ()


@pytest.mark.parametrize("how", ["multinomial", "argmax"])
def test_a_row_with_nothing_to_draw_from_is_reported(how: str) -> None:
    same = torch.tensor([[True, True, True], [True, True, False], [True, False, True]])
    drawn = draw(torch.zeros(3, 3), generator(), same=same, how=how)
    assert drawn.rows.tolist() == [1, 2]
    assert drawn.partners.tolist() == [2, 1]
    assert drawn.without == (0,)
    nobody = draw(torch.zeros(1, 1), generator(), how=how)
    assert nobody.rows.tolist() == nobody.partners.tolist() == []
    assert nobody.without == (0,)


def test_argmax_takes_the_most_similar_stranger() -> None:
    logits = torch.tensor([[9.0, 1.0, 2.0], [3.0, 9.0, 8.0], [0.1, 0.2, 0.0]])
    assert draw(logits, generator(), how="argmax").partners.tolist() == [2, 2, 1]
    same = equal(["a", "b", "b"])
    assert draw(logits, generator(), same=same, how="argmax").partners.tolist() == [2, 0, 0]


def test_the_generator_decides_and_the_global_one_is_left_alone() -> None:
    logits, before = torch.randn(20, 20, generator=generator(3)), torch.get_rng_state()
    one, two = draw(logits, generator(7)), draw(logits, generator(7))
    assert torch.equal(one.partners, two.partners)
    assert not torch.equal(one.partners, draw(logits, generator(8)).partners)
    assert torch.equal(torch.get_rng_state(), before)


def test_scores_far_apart_are_drawn_without_overflow() -> None:
    logits = torch.tensor([[0.0, 1e4, -1e4], [1e4, 0.0, 0.0], [-1e4, -2e4, 0.0]])
    assert draw(logits, generator()).partners.tolist() == [1, 0, 0]


def test_similarities_that_are_not_finite_are_refused_by_row() -> None:
    logits = torch.zeros(3, 3)
    logits[2, 0] = math.nan
    with pytest.raises(BackendError, match="row 2 are not finite"):
        draw(logits, generator())


def test_pairs_are_right_ones_wrong_texts_and_wrong_images() -> None:
    i2t = torch.tensor([[0.0, 5.0, 1.0], [5.0, 0.0, 1.0], [5.0, 1.0, 0.0]])
    same = torch.eye(3, dtype=torch.bool)
    same[1] = same[:, 1] = True
    texts = draw(i2t, generator(), same=same, how="argmax")
    images = draw(i2t.T, generator(), same=same, how="argmax")
    shown = [tuple(int(value) for value in pair) for pair in zip(*assemble(3, texts, images), strict=True)]
    # Pair 1 is the same as both others, and is in no wrong pair.
    assert shown == [(0, 0, 1), (1, 1, 1), (2, 2, 1), (0, 2, 0), (2, 0, 0), (2, 0, 0), (0, 2, 0)]


def test_wrong_images_and_wrong_texts_stand_on_their_own_side() -> None:
    i2t = torch.tensor([[0.0, 5.0, 1.0], [1.0, 0.0, 5.0], [1.0, 5.0, 0.0]])
    pairs = assemble(3, draw(i2t, generator(), how="argmax"), draw(i2t.T, generator(), how="argmax"))
    # Texts nearest images 0, 1, 2 are 1, 2, 1; images nearest texts 0, 1, 2 are 1 (or 2), 0 (or 2), 1.
    assert pairs.texts.tolist() == [0, 1, 2, 1, 2, 1, 0, 1, 2]
    assert pairs.images.tolist() == [0, 1, 2, 0, 1, 2, 1, 0, 1]

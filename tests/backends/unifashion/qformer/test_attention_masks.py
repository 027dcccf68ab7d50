from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench_unifashion.qformer import attention_masks

MASK = torch.tensor([[1, 1, 1], [1, 0, 0]])


def seen(mask: torch.Tensor) -> list[list[str]]:
    """Of each row of the batch and each position: what it sees, as a string of 0 and 1."""
    shares = mask.softmax(dim=-1)
    return [["".join(str(int(share > 0)) for share in position) for position in row[0]] for row in shares]


def test_queries_see_queries() -> None:
    assert seen(attention_masks.image(2, torch.zeros(1))) == [["11", "11"]]


def test_text_sees_text_without_padding() -> None:
    assert seen(attention_masks.text(MASK, torch.zeros(1))) == [["111"] * 3, ["100"] * 3]


def test_queries_and_text_see_each_other_without_padding() -> None:
    assert seen(attention_masks.fused(2, MASK, torch.zeros(1))) == [["11111"] * 5, ["11100"] * 5]


def test_text_is_generated_from_queries_and_past_and_queries_see_no_text() -> None:
    assert seen(attention_masks.itg(2, MASK, torch.zeros(1))) == [
        ["11000", "11000", "11100", "11110", "11111"],
        ["11000", "11000", "11100", "11100", "11100"],
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [torch.bool, torch.long, torch.float32])
def test_masks_are_additive_numbers_of_four_dimensions_and_of_the_type_asked_for(
    dtype: torch.dtype, kind: torch.dtype
) -> None:
    like = torch.zeros(1, dtype=dtype)
    for mask in (
        attention_masks.image(2, like),
        attention_masks.text(MASK.to(kind), like),
        attention_masks.fused(2, MASK.to(kind), like),
        attention_masks.itg(2, MASK.to(kind), like),
    ):
        assert mask.dim() == 4
        assert mask.dtype == dtype
        assert set(mask.unique().tolist()) <= {0.0, torch.finfo(dtype).min}

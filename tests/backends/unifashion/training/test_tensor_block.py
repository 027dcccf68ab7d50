"""Objects with tensors come out of a block as they went in."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench_unifashion.training.tensor_block import pack, unpack


def test_values_types_shapes_and_strides_are_kept():
    pixels = torch.arange(24, dtype=torch.uint8).view(2, 4, 3).permute(2, 0, 1)
    shared = torch.randn(3, generator=torch.Generator().manual_seed(0))
    whole = {
        "pixels": pixels,
        "of half precision": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "flags": torch.tensor([True, False, True]),
        "one": torch.tensor(2**40),
        "none": torch.empty(0, 5),
        "every second": torch.arange(10.0)[::2],
        "nested": [("a", shared), {"b": shared, "c": None}],
    }
    packed = pack(whole)
    assert packed.block.dtype == torch.uint8 and packed.block.dim() == 1
    back = unpack(packed)
    assert back.keys() == whole.keys()
    for name in ("pixels", "of half precision", "flags", "one", "none", "every second"):
        assert back[name].dtype == whole[name].dtype and torch.equal(back[name], whole[name]), name
    assert back["pixels"].stride() == pixels.stride() == (1, 12, 3)
    (name, first), rest = back["nested"]
    assert name == "a" and torch.equal(first, shared) and torch.equal(rest["b"], shared) and rest["c"] is None
    # Every tensor lies in the one block.
    places = {tensor.untyped_storage().data_ptr() for tensor in (back["pixels"], back["flags"], first)}
    assert places == {packed.block.untyped_storage().data_ptr()}


def test_an_object_without_tensors_needs_no_block():
    assert unpack(pack(("said", "remedy"))) == ("said", "remedy")
    assert len(pack("said").block) == 0

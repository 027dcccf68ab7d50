"""Rounding of embeddings to float16: the numbers of Python's own half-precision format, and what does not fit it."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from fashionbench.data.items import TextItem
from fashionbench.errors import BackendError
from fashionbench.runner.half_precision import half_rows, underflows

LEAST = 2.0**-24


def rounded(*numbers):
    return half_rows("encode_texts", np.array([numbers], np.float32), [TextItem("a", "x")])[0]


def test_numbers_are_those_that_the_format_of_python_has():
    rng = np.random.default_rng(0)
    given = (rng.standard_normal(3000) * 10.0 ** rng.uniform(-8, 4.5, 3000)).astype(np.float32)
    right = [struct.unpack("<e", struct.pack("<e", number))[0] for number in given.tolist()]
    found = rounded(*given)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(right, np.float32))
    np.testing.assert_array_equal(half_rows("x", found[None], [TextItem("a", "x")])[0], found)


def test_what_becomes_0_is_counted_whatever_its_sign_and_zeros_are_not():
    found = rounded(1.0, 0.0, -0.0, LEAST, -LEAST, LEAST / 3, -LEAST / 3, 1e-30)
    np.testing.assert_array_equal(found, [1, 0, 0, LEAST, -LEAST, 0, 0, 0])
    assert underflows(found) == 3
    assert underflows(found.astype(np.float16).astype(np.float32)) == 3


def test_a_number_that_is_too_large_names_its_item_and_the_remedy():
    rows = np.array([[1.0, 65519.0], [-65520.0, 1.0], [3.0, 4.0]], np.float32)
    items = [TextItem(name, name) for name in "abc"]
    with pytest.raises(BackendError, match=r"encode_texts returned 65,520 in size, .*65,504 \(b\).*float32") as caught:
        half_rows("encode_texts", rows, items)
    assert "unit vectors" in caught.value.remedy
    assert half_rows("encode_texts", rows[::2], items[::2])[0, 1] == 65504

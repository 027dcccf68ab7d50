"""Seeds, against SHA-256 worked out by hand."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.seeding import seed_of


@pytest.mark.parametrize("bits", [62, 63, 64, 128])
def test_a_seed_is_the_first_bits_of_the_hash(bits):
    digest = int.from_bytes(hashlib.sha256(b"7/phase/epoch").digest(), "big")
    assert seed_of(7, "phase", "epoch", bits=bits, separator="/") == digest >> (256 - bits)
    prefixed = hashlib.sha256((2).to_bytes(8, "big") + b"ab" + (1).to_bytes(8, "big") + b"c").digest()
    assert seed_of("ab", "c", bits=bits) == int.from_bytes(prefixed, "big") >> (256 - bits)


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_different_lists_of_parts_have_different_seeds(one, two):
    assert (seed_of(*one) == seed_of(*two)) == (one == two)

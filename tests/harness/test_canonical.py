from __future__ import annotations

import json
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.canonical import canonical_json, digest
from fashionbench.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers() | TEXT | FINITE
KEYS = TEXT.map(lambda s: unicodedata.normalize("NFC", s))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def decomposed(value):
    if isinstance(value, str):
        return unicodedata.normalize("NFD", value)
    if isinstance(value, dict):
        return {decomposed(key): decomposed(item) for key, item in value.items()}
    return [decomposed(item) for item in value] if isinstance(value, list) else value


def test_known_text_and_hash():
    value = {"b": [1, True, None], "a": 0.10, "é": "ü"}
    assert canonical_json(value) == '{"a":"0.1","b":[1,true,null],"é":"ü"}'
    # printf '{}' | sha256sum
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@given(VALUES)
def test_key_order_never_changes_the_hash(value):
    assert digest(value) == digest(reordered(value))


@given(VALUES)
def test_unicode_form_never_changes_the_hash(value):
    assert digest(value) == digest(decomposed(value))


@given(FINITE)
def test_a_float_and_its_decimal_string_are_one(number):
    text = json.loads(canonical_json(number))
    assert float(text) == number
    assert "e" not in text.lower()
    assert digest({"x": number}) == digest({"x": text}) == digest({"x": Decimal(repr(number))})


@given(VALUES)
def test_canonical_text_is_a_fixed_point(value):
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.data())
def test_any_changed_field_changes_the_hash(value, data):
    key = data.draw(st.sampled_from(sorted(value)))
    other = data.draw(VALUES)
    changed = {**value, key: other}
    assert (digest(changed) == digest(value)) == (canonical_json(other) == canonical_json(value[key]))


def test_a_count_is_not_a_quantity():
    assert digest(1) != digest(1.0)


def test_a_set_has_no_order():
    assert digest(frozenset({"b", "a"})) == digest(["a", "b"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object(), b"bytes", {1: "a"}])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(ConfigError):
        digest({"field": value})


def test_keys_that_become_one_are_refused():
    with pytest.raises(ConfigError, match="given twice"):
        digest({"é": 1, "e\u0301": 2})

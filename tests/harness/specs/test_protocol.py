from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import ConfigError
from fashionbench.specs.protocol import ProtocolCard

FIELDS = {
    "split": "val",
    "metrics": ["recall@10", "recall@50"],
    "average": "slices",
    "gallery": "original",
    "gallery_sizes": {"dress": 3817, "shirt": 6346, "toptee": 5373},
    "tie_tolerance": 0.000001,
}


def card(**changes):
    return ProtocolCard.of("fashion-iq", "1.2.3", {**FIELDS, **changes})


def test_order_and_float_spelling_do_not_matter():
    other = dict(reversed(FIELDS.items())) | {"tie_tolerance": "0.000001"}
    assert ProtocolCard.of("fashion-iq", "1.2.3", other).hash == card().hash


def test_a_patch_version_never_changes_a_number_and_a_minor_one_may():
    fields = card().fields
    assert ProtocolCard.of("fashion-iq", "1.2.9", fields).hash == card().hash
    assert ProtocolCard.of("fashion-iq", "1.3.0", fields).hash != card().hash
    assert ProtocolCard.of("fashion-iq-2", "1.2.3", fields).hash != card().hash


@given(st.sampled_from(sorted(FIELDS)), st.text(min_size=1))
def test_every_field_changes_the_hash(name, value):
    changed = card(**{name: value})
    assert (changed.hash == card().hash) == (changed.fields == card().fields)


def test_differences_name_the_fields():
    changed = card(gallery="val-union").replace(gallery_sizes=None, reference="removed")
    assert changed.differences(card()) == {
        "gallery": ("val-union", "original"),
        "gallery_sizes": (None, FIELDS["gallery_sizes"]),
        "reference": ("removed", None),
    }
    assert card().differences(card()) == {}


def test_fields_are_a_copy():
    one = card()
    one.fields["gallery"] = "other"
    one.fields["gallery_sizes"]["dress"] = 1
    assert one.hash == card().hash


@pytest.mark.parametrize("name", ["split", "metrics", "average"])
def test_a_card_without_a_required_field_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        ProtocolCard.of("task", "1.0.0", {key: value for key, value in FIELDS.items() if key != name})

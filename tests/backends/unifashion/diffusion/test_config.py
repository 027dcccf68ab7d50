"""What a configuration refuses, and how many channels its conditions need."""

from __future__ import annotations

import pytest
from diffusion_sizes import nano
from pydantic import ValidationError

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.config import NetworkConfig, NoiseConfig


@pytest.mark.parametrize(
    ("conditions", "channels"),
    [((), (4, 16)), (("agnostic",), (9, 33)), (("agnostic", "hint"), (9, 33)),
     (("agnostic", "densepose", "hint"), (13, 49)), (("agnostic", "densepose", "warped-garment"), (17, 65))],
)  # fmt: skip
def test_channels_are_the_latent_and_those_of_the_conditions(conditions, channels):
    found = nano(conditions=conditions)
    assert (found.in_channels(4), found.in_channels(16)) == channels


@pytest.mark.parametrize("fields", [{}, {"source": "a/b", "architecture": {}}])
def test_a_network_has_one_origin(fields):
    with pytest.raises(ConfigError, match="not both"):
        NetworkConfig(**fields)


def test_a_hint_needs_an_agnostic_picture():
    with pytest.raises(ConfigError, match="lack agnostic"):
        nano(conditions=("hint",))


def test_a_condition_is_not_named_twice():
    with pytest.raises(ConfigError, match="twice"):
        nano(conditions=("agnostic", "agnostic"))


def test_steps_that_the_leading_spacing_would_cut_short_are_refused():
    with pytest.raises(ConfigError, match="501"):
        nano(steps=501)


@pytest.mark.parametrize("change", [{"guidence": 2.0}, {"guidance": float("nan")}, {"start": "truth"}, {"width": 0}])
def test_unknown_and_impossible_values_are_refused(change):
    with pytest.raises(ValidationError):
        nano(**change)


def test_a_configuration_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        NoiseConfig().train_steps = 5


def test_a_configuration_has_a_canonical_hash_and_survives_json():
    config = nano()
    again = type(config).model_validate_json(config.model_dump_json())
    assert digest(again.model_dump(mode="json")) == digest(config.model_dump(mode="json"))
    assert digest(nano(steps=5).model_dump(mode="json")) != digest(config.model_dump(mode="json"))


def test_every_field_is_documented():
    for model in (NetworkConfig, NoiseConfig, type(nano())):
        assert all(field.description for field in model.model_fields.values())

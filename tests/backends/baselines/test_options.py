from __future__ import annotations

from dataclasses import dataclass

import pytest

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench_baselines.options import read_options, require


@dataclass(frozen=True, slots=True)
class Kettle:
    litres: float = 1.5
    cups: int = 4

    def __post_init__(self) -> None:
        require(self.cups > 0, "cups", self.cups, "above 0")


def test_what_is_not_given_keeps_its_default() -> None:
    assert read_options(Kettle, {}) == Kettle()
    assert read_options(Kettle, {"litres": 2}) == Kettle(litres=2.0, cups=4)


def test_a_whole_number_becomes_a_real_one_where_the_field_is_real() -> None:
    assert isinstance(read_options(Kettle, {"litres": 2}).litres, float)


@pytest.mark.parametrize("value", ["4", 4.0, True, None])
def test_a_value_of_another_kind_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigError, match="option cups is"):
        read_options(Kettle, {"cups": value})


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean litres\?"):
        read_options(Kettle, {"litre": 2.0})


def test_a_value_out_of_range_is_refused_with_the_range() -> None:
    with pytest.raises(ConfigError, match=r"cups is 0 \(it must be above 0\)"):
        read_options(Kettle, {"cups": 0})

"""Instructions of the language model by data set (UniFashion, Table 7)."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from fashionbench.specs.validation import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def table7() -> Mapping[str, str]:
    """Read the paper's instructions by data set."""
    text = resources.files("fashionbench_unifashion").joinpath("instructions", "table7.yaml").read_text("utf-8")
    instructions: dict[str, str] = read_value(text, "table7.yaml")
    return instructions

"""Recipes with their changes, as they are written; read without torch, and so unchecked."""

from __future__ import annotations

from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from fashionbench.specs.validation import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping


def whole_recipe(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recipe that it writes or that are changed; others have their defaults.

    :param name: the file of the recipe, without its suffix.
    :param config: what is changed of it, as nested fields.
    """
    text = resources.files("fashionbench_unifashion").joinpath("recipes", f"{name}.yaml").read_text(encoding="utf-8")
    return _changed(read_value(text, f"{name}.yaml"), config)


def _changed(written: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over fields, mappings within mappings; names are texts, for YAML takes a 2 for a number."""
    fields = {str(name): value for name, value in written.items()}
    for name, value in changes.items():
        known = fields.get(str(name))
        both = isinstance(known, dict) and isinstance(value, dict)
        fields[str(name)] = _changed(known or {}, value) if both else value
    return fields


tiny = partial(whole_recipe, "unifashion-tiny")
quick = partial(whole_recipe, "unifashion-quick")
study = partial(whole_recipe, "unifashion-study")
paper = partial(whole_recipe, "unifashion-paper")
nano = partial(whole_recipe, "unifashion-nano")

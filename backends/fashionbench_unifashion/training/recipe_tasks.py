"""Ids of the tasks that a recipe learns from, read without torch."""

from __future__ import annotations

from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from fashionbench.specs.validation import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping


def recipe_tasks(name: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tasks whose training parts a recipe learns from.

    :param name: the file of the recipe, without its suffix.
    :param config: what is changed of it, as nested fields.
    """
    text = resources.files("fashionbench_unifashion").joinpath("recipes", f"{name}.yaml").read_text(encoding="utf-8")
    parts = {**read_value(text, f"{name}.yaml")["data"], **config.get("data", {})}
    return tuple(dict.fromkeys(task for tasks in parts.values() if isinstance(tasks, (list, tuple)) for task in tasks))


tiny = partial(recipe_tasks, "unifashion-tiny")
quick = partial(recipe_tasks, "unifashion-quick")
study = partial(recipe_tasks, "unifashion-study")
paper = partial(recipe_tasks, "unifashion-paper")
nano = partial(recipe_tasks, "unifashion-nano")

"""Description of a UniFashion model's folder for a diagnosis; reads JSON alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.json_reader import read_object
from fashionbench.specs import DiagnosedModel
from fashionbench_unifashion.training.held_out import is_held_out
from fashionbench_unifashion.training.instructions import table7

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fashionbench.specs.capabilities import Capability

_DIAGNOSIS = "fashionbench_unifashion.diagnosis"


def describe(folder: Path) -> DiagnosedModel | None:
    """Describe the model in a folder; None where it is no UniFashion model."""
    config = _object(folder / "config.json")
    if "qformer" not in config or "vision" not in config:
        return None
    recipe = recipe_of(folder)
    data = recipe.get("data", {}) if isinstance(recipe.get("data"), dict) else {}
    tasks = [name for kind in ("pairs", "captions", "triplets", "tryon_examples") for name in data.get(kind, ())]
    return DiagnosedModel(
        backend="unifashion",
        options={"model": str(folder)},
        lacks=_lacks(config),
        tasks=tuple(dict.fromkeys(tasks)),
        instructions=table7(),
        trained_instruction=str(recipe.get("instruction") or ""),
        held_out=f"{_DIAGNOSIS}.description:held_out" if recipe else "",
        untrained=f"{_DIAGNOSIS}.untrained:write_untrained",
        probes=f"{_DIAGNOSIS}.probes:PROBES",
    )


def held_out(folder: Path) -> Callable[[str], bool]:
    """Return what tells whether the training of the model in a folder kept a product or garment out."""
    recipe = recipe_of(folder)
    seed, share = int(recipe.get("seed", 0)), float(recipe.get("held_out", 0.0))
    return lambda name: is_held_out(name, seed, share)


def recipe_of(folder: Path) -> dict[str, Any]:
    """Return the recipe of a model's training, from its record or from the folder above; empty where there is none."""
    for path in (folder / "training.json", folder.parent / "training.json", folder.parent / "recipe.json"):
        recipe = _object(path).get("recipe")
        if isinstance(recipe, dict):
            return recipe
    return {}


def _lacks(config: Mapping[str, Any]) -> dict[Capability, str]:
    """Say what a model without one of the generators cannot do, though the backend can."""
    without: dict[Capability, str] = {}
    if config.get("language") is None:
        without["caption"] = "the model has no language model"
    if config.get("diffusion") is None:
        without |= dict.fromkeys(("try-on", "design", "style-transfer"), "the model has no diffusion model")
    return without


def _object(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except (OSError, DataError):
        return {}

"""Description of a trained Combiner's folder for a diagnosis; reads JSON alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.json_reader import read_object
from fashionbench.seeding import seed_of
from fashionbench.specs import DiagnosedModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def describe(folder: Path) -> DiagnosedModel | None:
    """Describe the Combiner in a folder; None where there is none."""
    if not (folder / "combiner.json").is_file():
        return None
    record = _record(folder)
    return DiagnosedModel(
        backend="baseline/trained-combiner",
        options={"model": str(folder)},
        tasks=tuple(record.get("data", {})),
        held_out="fashionbench_baselines.composed.diagnosis:held_out" if "recipe" in record else "",
    )


def held_out(folder: Path) -> Callable[[str], bool]:
    """Return what tells whether the training of a Combiner kept a target out, as its trainer does."""
    share = float(_record(folder)["recipe"]["held_out"])
    return lambda name: seed_of("held out", name, bits=53) / 2**53 < share


def _record(folder: Path) -> dict[str, Any]:
    try:
        return read_object(folder / "training.json")
    except (OSError, DataError):
        return {}

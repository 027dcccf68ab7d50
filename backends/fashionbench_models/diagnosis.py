"""Description of a model folder for a diagnosis, and the same model before any training."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ConfigError, DataError
from fashionbench.json_reader import read_object
from fashionbench.seeding import seed_of
from fashionbench.specs import DiagnosedModel
from fashionbench_models.families import (
    BLIP2_ITM,
    EMBEDDER,
    IMAGE_TEXT_TO_TEXT,
    SIGLIP,
    TWO_TOWERS,
    VISION,
    family_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Families of one model of transformers, which its configuration builds anew.
_OF_TRANSFORMERS = (TWO_TOWERS, SIGLIP, VISION, BLIP2_ITM, IMAGE_TEXT_TO_TEXT, EMBEDDER)
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".index.json")
_HERE = "fashionbench_models.diagnosis"


def describe(folder: Path) -> DiagnosedModel | None:
    """Describe the model in a folder; None where no family knows it."""
    try:
        family = family_of(folder)
    except ConfigError:
        return None
    record = _record(folder)
    return DiagnosedModel(
        backend=f"hf:{folder}",
        options={"model": str(folder)},
        tasks=tuple(record.get("data", {})),
        held_out=f"{_HERE}:held_out" if "held_out" in record.get("recipe", {}) else "",
        untrained=f"{_HERE}:write_untrained" if family in _OF_TRANSFORMERS else "",
    )


def held_out(folder: Path) -> Callable[[str], bool]:
    """Return what tells whether the training of a model kept a product or garment out, as its trainer does."""
    share = float(_record(folder)["recipe"]["held_out"])
    return lambda name: seed_of("held out", name, bits=53) / 2**53 < share


def write_untrained(folder: Path, out: Path, seed: int) -> str:
    """Write the same architecture with new random weights, and its tokenizer and preprocessing as they are."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    config = transformers.AutoConfig.from_pretrained(folder)
    name = (getattr(config, "architectures", None) or [""])[0]
    kind: Any = getattr(transformers, name, None)
    if kind is None:
        raise ConfigError(f"transformers has no model {name!r}", remedy="its own code would have to be run")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = kind(config)
    # What is beside the weights decides what the model is shown; links to it would lead out of the folder.
    shutil.copytree(folder, out, ignore=lambda _, names: {one for one in names if one.endswith(_WEIGHTS)})
    fresh.save_pretrained(out)
    return f"the same architecture with new random weights (seed {seed})"


def _record(folder: Path) -> dict[str, Any]:
    """Read the record of a model's training; empty where there is none."""
    try:
        found = read_object(folder / "training.json")
    except (OSError, DataError):
        return {}
    known = isinstance(found.get("data"), dict) and isinstance(found.get("recipe"), dict)
    return found if known else {}

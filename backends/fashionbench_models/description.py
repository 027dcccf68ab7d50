"""The specification of a model that is named by a folder or a hub id."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fashionbench.files import expanded
from fashionbench.specs import BackendSpec, Resources
from fashionbench_models.device_map import gpus_needed
from fashionbench_models.families import family_of, option_names
from fashionbench_models.folder import locate
from fashionbench_models.named import UNDISCLOSED
from fashionbench_models.options import ALPHA, read_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench_models.options import ModelOptions

#: Names of folders that say nothing of the model in them.
_GENERIC = re.compile(r"(model|models|checkpoint|final|best|last|output|weights|main|hf|[0-9a-f]{40})(-\d+)?")


def describe(name: str, given: Mapping[str, Any]) -> BackendSpec:
    """Describe a model of transformers, OpenCLIP or sentence-transformers as a backend.

    :param name: a folder, or ``OWNER/NAME`` of the hub, as it stands after ``hf:``.
    :param given: options of the configuration; others than the model's are passed over, for they may be another's.
    :raises ConfigError: where there is no such model, or no family knows it.
    """
    known = {key: value for key, value in given.items() if key in asdict(read_options({}))}
    options = read_options({**known, "model": ""})
    folder = locate(name, options.revision)
    family = family_of(
        folder, pooling=options.pooling, adapter=bool(options.adapter), attention=bool(options.attention)
    )
    defaults = asdict(read_options({"model": str(folder)}))
    return BackendSpec(
        id=f"hf/{_label(name, folder)}" + (f"@alpha-{options.alpha:g}" if options.alpha != ALPHA else ""),
        summary=f"{family.name} model by its weights",
        target=family.target,
        revision="1",
        capabilities=family.capabilities,
        extra=family.extra,
        packages=(*family.packages, *(("accelerate",) if options.device_map else ())),
        licence="unknown",
        training_data=(UNDISCLOSED,),
        options={key: defaults[key] for key in option_names(family)},
        models=(*family.models, *(("inversion",) if options.inversion and "inversion" in family.options else ())),
        # Captions are decoded greedily, and noise is drawn from seed and item id: nothing follows from earlier items.
        stateless=True,
        resources=Resources(gpus=_gpus(options), seconds=120),
    )


def _gpus(options: ModelOptions) -> float:
    """Return how many GPUs a model takes, of a family that knows the options."""
    if options.tensor_parallel > 1:
        return options.tensor_parallel
    return gpus_needed(options.device_map, options.max_memory)


def _label(name: str, folder: Path) -> str:
    """Name a model: the hub id as it is, a folder by its own name, and by its parent's too where that says nothing."""
    parts = name.split("/")
    if expanded(name).is_dir():
        parts = [folder.parent.name, folder.name] if _GENERIC.fullmatch(folder.name.lower()) else [folder.name]
    words = [re.sub(r"[^a-z0-9@._-]+", "-", part.lower()).strip("-._@") for part in parts]
    return "/".join(word for word in words if word) or "model"

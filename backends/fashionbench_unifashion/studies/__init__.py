"""Ready ablation studies of UniFashion, one YAML file each; read without torch."""

from __future__ import annotations

from functools import partial
from importlib import resources
from typing import Any

from fashionbench.specs.validation import read_value

#: The files, and what each asks.
SUMMARIES = {
    "components": "no generator, one of the two, both; without captions or images of the gallery (Table 5)",
    "phases": "each phase of training left out, and a Q-Former that is frozen in phase 1 or in 1b",
    "losses": "each loss left out",
    "queries": "1, 8, 32 or 64 queries of the Q-Former",
    "adapter": "a linear layer or a perceptron before each generator",
    "instruction": "one instruction for all data sets, or one for each",
    "language-models": "three architectures of language models of one size",
    "caption-source": "captions of a gallery from the model, none, or with the words of the queries in them (a leak)",
    "queried-with": "one half of a composed query, or of a candidate, left out",
}


def fields(name: str) -> dict[str, Any]:
    """Read the fields of a study."""
    file = resources.files("fashionbench_unifashion.studies").joinpath(f"{name}.yaml")
    read: dict[str, Any] = read_value(file.read_text(encoding="utf-8"), f"{name}.yaml")
    return read


components = partial(fields, "components")
phases = partial(fields, "phases")
losses = partial(fields, "losses")
queries = partial(fields, "queries")
adapter = partial(fields, "adapter")
instruction = partial(fields, "instruction")
language_models = partial(fields, "language-models")
queried_with = partial(fields, "queried-with")
caption_source = partial(fields, "caption-source")

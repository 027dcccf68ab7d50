"""The record of a training: what was learnt from what, and how, beside the model and above it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fashionbench import files
from fashionbench.canonical import digest
from fashionbench.records import provenance
from fashionbench.training.contract import TrainingResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.training.contract import TrainingContext, TrainingPart

SCHEMA = "fashionbench.training/1"
FILE = "training.json"


def finish(
    context: TrainingContext,
    *,
    name: str,
    recipe: Mapping[str, Any],
    parts: Sequence[TrainingPart],
    facts: Mapping[str, Any],
    figures: Mapping[str, float],
) -> TrainingResult:
    """Write the record of a training whose model lies in ``out/model``.

    :param recipe: the whole configuration.
    :param parts: what it learnt from; with each, whether it is generated.
    :param facts: what else is to be said, such as the steps and the seconds that they took.
    :param figures: what was measured on the held-out part.
    """
    data = {
        part.task: {"dataset": part.dataset, "fingerprint": part.fingerprint, "synthetic": part.synthetic}
        for part in parts
    }
    content = {
        "schema": SCHEMA,
        "name": name,
        "recipe": dict(recipe),
        "recipe_hash": digest(dict(recipe)),
        "data": data,
        **facts,
        "figures": dict(figures),
        "device": context.use.device if context.use is not None else context.device,
        "ended": provenance.now(),
    }
    model = context.out / "model"
    written = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    files.write_text(model / FILE, written)
    files.write_text(context.out / FILE, written)
    return TrainingResult(model, context.out / FILE, dict(figures))

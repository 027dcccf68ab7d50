"""Trainer of a Combiner on frozen features, from the training triplets of tasks."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import ConfigError, DataError, UnknownNameError
from fashionbench.seeding import seed_of
from fashionbench.specs.capabilities import BackendContext
from fashionbench.training.contract import TrainingResult
from fashionbench.training.record import finish
from fashionbench_baselines.composed.combiner import FrozenFeatures
from fashionbench_baselines.composed.combiner_model import CombinerModel, load, with_constant
from fashionbench_baselines.composed.options import CombinerOptions, training_configuration
from fashionbench_baselines.options import read_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fashionbench.data.training_examples import Triplet
    from fashionbench.training.contract import TrainingContext

    Floats = NDArray[np.float64]
    Names = NDArray[np.str_]


def train_combiner(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
    """Train a Combiner, and compare it with the normalised sum on the targets that are held out.

    Triplets with an image that one of the tasks measures with are left out, and counted.

    :raises ConfigError: on a wrong field.
    :raises DataError: where no triplets are left.
    """
    recipe = training_configuration(config)
    options, seed, held_out = _read(recipe)
    if context.dry_run:
        context.say(f"baseline-combiner: {options.steps} steps on {', '.join(recipe['triplets'])}")
        return TrainingResult(None, None)
    parts = [context.part(name) for name in recipe["triplets"]]
    evaluated = frozenset().union(*(part.evaluated for part in parts))
    known = [triplet for part in parts for triplet in _triplets(part.data.triplets)]
    kept = [t for t in known if not {t.reference.id, t.target.id} & evaluated]
    held = np.array([seed_of("held out", t.target.id, bits=53) / 2**53 < held_out for t in kept], dtype=np.bool_)
    if not kept or held.all():
        msg = f"of the {len(known)} training triplets of {', '.join(recipe['triplets'])} none is left to learn from"
        raise DataError(msg, remedy="name tasks with training triplets, or a smaller held_out")
    context.reporter.expect(1)
    features = FrozenFeatures(BackendContext(options={}, seed=seed, device=context.device, cache=context.out / "cache"))
    references, texts, targets = features.triplets(kept)
    names = np.array([t.target.id for t in kept])
    context.reporter.begin("phase combiner", options.steps)
    started = time.monotonic()
    model = CombinerModel.fit(
        references[~held], texts[~held], targets[~held], list(names[~held]), options, seed, context.reporter.advance
    )
    seconds = time.monotonic() - started
    model.save(context.out / "model")
    figures = _compare(load(context.out / "model"), references[held], texts[held], targets, names, names[held])
    context.reporter.end(f"{model.steps} steps in {seconds:.1f} s")
    counts = {
        "triplets": int((~held).sum()),
        "held out triplets": int(held.sum()),
        "left out because they are evaluated": len(known) - len(kept),
    }
    facts = {"examples": counts, "steps": model.steps, "seconds": round(seconds, 3)}
    return finish(context, name="baseline-combiner", recipe=recipe, parts=parts, facts=facts, figures=figures)


def _read(recipe: Mapping[str, Any]) -> tuple[CombinerOptions, int, float]:
    own = {field.name for field in fields(CombinerOptions)}
    known = {*own, "triplets", "seed", "held_out"}
    for name in recipe:
        if name not in known:
            raise UnknownNameError("field", name, known)
    tasks, seed, held_out = recipe["triplets"], recipe["seed"], recipe["held_out"]
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, str) for task in tasks):
        raise ConfigError(f"triplets is {tasks!r}", remedy="give a list of tasks, such as [fashion-iq/original]")
    if type(seed) is not int or seed < 0:
        raise ConfigError(f"seed is {seed!r}", remedy="give a whole number, 0 or above")
    if isinstance(held_out, bool) or not isinstance(held_out, (int, float)) or not 0 <= held_out < 1:
        raise ConfigError(f"held_out is {held_out!r}", remedy="give a number from 0 up to 1")
    return read_options(CombinerOptions, {name: recipe[name] for name in own}), seed, float(held_out)


def _triplets(triplets: Any) -> list[Triplet]:
    return [triplets[at] for at in range(len(triplets))]


def _compare(
    model: CombinerModel, references: Floats, texts: Floats, gallery: Floats, names: Names, wanted: Names
) -> dict[str, float]:
    """Measure recall@10 of held-out queries among all targets, of the Combiner and of the sum that it began as."""
    if not len(references):
        return {}
    unique, first = np.unique(names, return_index=True)
    candidates = model.images(gallery[first])
    position = {name: at for at, name in enumerate(unique)}
    own = [position[name] for name in wanted]
    sums = model.images(references) + with_constant(texts) @ model.text_map
    queries: dict[str, Floats] = {
        "held-out recall@10": model.queries(references, texts).astype(np.float64),
        "held-out recall@10 of the sum": sums,
    }
    figures: dict[str, float] = {}
    for name, rows in queries.items():
        scores = rows @ candidates.T
        better = (scores > scores[np.arange(len(own)), own][:, None]).sum(axis=1)
        figures[name] = float((better < 10).mean() * 100)
    return figures

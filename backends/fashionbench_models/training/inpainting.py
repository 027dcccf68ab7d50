"""Trainer of a small inpainting UNet for try-on from random weights: ``hf:OUT/model`` loads it.

The single-task baseline of a model that does more than try-on: a diffusion model of one garment on one person, without
text, retrieval or a joint encoder.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fashionbench import files
from fashionbench.specs.validation import validated
from fashionbench.training.contract import TrainingResult
from fashionbench.training.record import finish
from fashionbench_models.training.loop import optimise
from fashionbench_models.training.recipe import InpaintingRecipe
from fashionbench_models.training.try_on_examples import collect_try_on
from fashionbench_models.try_on.small_inpainting import FILE
from fashionbench_models.try_on.small_network import Size, levels_of, new_network, new_schedule, paint, shown, values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fashionbench.data.training_examples import TryOnExample
    from fashionbench.training.contract import TrainingContext

_OURS, _LAID = "held-out squared error in the mask", "squared error of the garment laid over the mask"
#: Steps of sampling of the held-out figures.
_STEPS = 10
#: What the picture outside the mask weighs in the loss: it is given, and pasted over in the end.
_OUTSIDE = 0.1


def train_inpainting(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
    """Train a network on the try-on examples of tasks within a budget, and measure it on garments that were held out.

    :raises ConfigError: on a wrong field.
    :raises DataError: where there is too little to learn from.
    """
    name = "inpainting-from-scratch"
    recipe = validated(InpaintingRecipe, config, f"the recipe of {name} does not fit", "see docs/how-to/train.md")
    if context.dry_run:
        context.say(f"{name}: {recipe.steps} steps on {', '.join(recipe.examples)}")
        return TrainingResult(None, None)
    size = Size(recipe.height, recipe.width, recipe.patch)
    examples = collect_try_on(recipe.examples, recipe.held_out, recipe.limit, context)
    context.reporter.expect(2)
    context.reporter.begin("phase inpainting: images", len(examples.train))
    given, target = _read(examples.train, size, context)
    context.reporter.end("read")
    context.reporter.begin("phase inpainting", recipe.steps)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = new_network(size, recipe.widths).to(context.device).train()
        schedule = new_schedule()
        started = time.monotonic()

        def loss_of(rows: Tensor) -> Tensor:
            seen, wanted = augmented(given[rows], target[rows])
            return painting_loss(
                network, schedule, size, values(seen).to(context.device), values(wanted).to(context.device)
            )

        steps = optimise(network.parameters(), len(given), loss_of, recipe, context.reporter.advance)
        seconds = time.monotonic() - started
    network.eval()
    folder = context.out / "model"
    network.save_pretrained(folder)
    schedule.save_pretrained(folder)
    files.write_text(folder / FILE, json.dumps(size.fields(), indent=2) + "\n")
    figures = _measure(network, schedule, examples.held, size, context)
    context.reporter.end(f"{steps} steps in {seconds:.1f} s")
    facts = {"examples": examples.counts, "steps": steps, "seconds": round(seconds, 3)}
    recorded = recipe.model_dump(mode="json")
    return finish(context, name=name, recipe=recorded, parts=examples.parts, facts=facts, figures=figures)


def painting_loss(network: Any, schedule: Any, size: Size, seen: Tensor, wanted: Tensor) -> Tensor:
    """Let the network take noise of random strength out of pictures, and average the squared error.

    :param seen: what it is shown, as values [B, CHANNELS, H, W]; the error outside the mask counts little.
    :param wanted: the pictures, as values [B, 3, H, W].
    """
    clean = size.patches(wanted)
    noise = torch.randn_like(clean)
    times = torch.randint(0, int(schedule.config.num_train_timesteps), (len(wanted),), device=clean.device)
    noisy = schedule.add_noise(clean, noise, times)
    predicted = network(torch.cat([noisy, size.patches(seen)], dim=1), times).sample
    error = size.pixels(predicted - clean).square()
    weight = torch.where(seen[:, 3:4] > 0, 1.0, _OUTSIDE)
    return (error * weight).mean() / weight.mean()


def augmented(given: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror half of the examples, and exchange the colour channels of photo and garment alike.

    So a colour is learnt as what the garment has, and not as what a few garments had.
    """
    seen, wanted = given.clone(), target.clone()
    for at in range(len(seen)):
        order = torch.randperm(3)
        wanted[at] = wanted[at][order]
        for first in (0, 7):
            seen[at, first : first + 3] = seen[at, first : first + 3][order]
    mirrored = torch.rand(len(seen)) < 0.5
    seen[mirrored], wanted[mirrored] = seen[mirrored].flip(-1), wanted[mirrored].flip(-1)
    return seen, wanted


def _read(
    examples: Sequence[tuple[Sequence[TryOnExample], int]], size: Size, context: TrainingContext
) -> tuple[Tensor, Tensor]:
    """Read what the network is shown, and what should come out, as levels."""
    given, target = [], []
    for rows, at in examples:
        example = rows[at]
        given.append(shown(example.item, size))
        target.append(levels_of(example.target.image, size))
        context.reporter.advance(1)
    return torch.from_numpy(np.stack(given)), torch.from_numpy(np.stack(target))


def _measure(
    network: Any,
    schedule: Any,
    held: Sequence[tuple[Sequence[TryOnExample], int]],
    size: Size,
    context: TrainingContext,
) -> dict[str, float]:
    """Measure the squared error within the mask, of values from 0 to 1, and that of what has learnt nothing.

    These are the garment as it is laid over the mask, and the network where it is shown another's garment.
    """
    if not held:
        return {}
    examples = [rows[at] for rows, at in held]
    generator = torch.Generator().manual_seed(0)
    errors: dict[str, list[float]] = {_OURS: [], f"{_OURS} with another's garment": [], _LAID: []}
    for number, example in enumerate(examples):
        target = values(torch.from_numpy(levels_of(example.target.image, size)))[None].to(context.device)
        noise = torch.randn(size.patches(target).shape, generator=generator).to(context.device)
        own, other = example.item, examples[number - 1].item
        worn = {name: image for name, image in other.conditions.items() if name == "cloth-mask"}
        kept = {name: image for name, image in own.conditions.items() if name != "cloth-mask"}
        exchanged = replace(own, garment=other.garment, conditions=kept | worn)
        shown_to = [values(torch.from_numpy(shown(item, size)))[None].to(context.device) for item in (own, exchanged)]
        inside = (shown_to[0][:, 3:4] > 0).expand_as(target)
        made = [size.pixels(paint(network, schedule, size.patches(given), noise, _STEPS)) for given in shown_to]
        for name, picture in zip(errors, (*made, shown_to[0][:, 7:10]), strict=True):
            errors[name].append(float((picture - target)[inside].square().mean() / 4))
    return {name: float(np.mean(rows)) for name, rows in errors.items()}

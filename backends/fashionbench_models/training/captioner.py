"""Trainer of a small captioner whose decoder begins with random weights: ``hf:OUT/model`` loads it.

The single-task baseline of a model that does more than captioning: no Q-Former, no joint loss, no retrieval.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch.nn import functional

from fashionbench import files
from fashionbench.specs.validation import validated
from fashionbench.training.contract import TrainingResult
from fashionbench.training.record import finish
from fashionbench_models.captioning.grid_tokens import CHANNELS, SHA256, STRIDE, GridTokens
from fashionbench_models.captioning.small_captioner import FILE, PROJECTION
from fashionbench_models.captioning.small_network import Projection, logits_of, new_decoder
from fashionbench_models.training.examples import collect
from fashionbench_models.training.loop import optimise
from fashionbench_models.training.recipe import CaptionerRecipe
from fashionbench_models.training.tokenizer import learn_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fashionbench.training.contract import TrainingContext
    from fashionbench_models.training.examples import Example


def train_captioner(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
    """Train a captioner on the pairs of tasks within a budget, and measure it on products that were held out.

    :raises ConfigError: on a wrong field.
    :raises DataError: where there is too little to learn from.
    """
    name = "captioner-from-scratch"
    recipe = validated(CaptionerRecipe, config, f"the recipe of {name} does not fit", "see docs/how-to/train.md")
    if context.dry_run:
        context.say(f"{name}: {recipe.steps} steps on {', '.join(recipe.pairs)}")
        return TrainingResult(None, None)
    examples = collect(recipe, context)
    context.reporter.expect(2)
    grid = GridTokens(recipe.image_size, context.device)
    context.reporter.begin("phase captioner: images", len(examples.train) + len(examples.held))
    images, held = (_images(side, grid, context) for side in (examples.train, examples.held))
    context.reporter.end("read")
    context.reporter.begin("phase captioner", recipe.steps)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        tokenizer = learn_tokenizer([one.text for one in examples.train], recipe.vocabulary, recipe.positions)
        cells = (recipe.image_size // STRIDE) ** 2
        places = cells + recipe.positions
        decoder = new_decoder(tokenizer, recipe.width, recipe.layers, recipe.heads, places).to(context.device).train()
        projection = Projection(CHANNELS, recipe.width, recipe.dropout)
        projection.standardise_by(images)
        projection.to(context.device).train()
        started = time.monotonic()

        def loss_of(rows: Tensor) -> Tensor:
            texts = [examples.train[at].text for at in rows.tolist()]
            return _losses(projection, decoder, tokenizer, images[rows], texts).mean()

        parameters = [*projection.parameters(), *decoder.parameters()]
        steps = optimise(parameters, len(images), loss_of, recipe, context.reporter.advance)
        seconds = time.monotonic() - started
    folder = context.out / "model"
    decoder.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tensors = {name: value.contiguous().cpu() for name, value in projection.eval().state_dict().items()}
    files.write(folder / PROJECTION, lambda path: save_file(tensors, path))
    files.write_text(folder / FILE, json.dumps({"image_size": recipe.image_size, "encoder": SHA256}, indent=2) + "\n")
    figures = _measure(projection, decoder, tokenizer, held, [one.text for one in examples.held], recipe.batch_size)
    context.reporter.end(f"{steps} steps in {seconds:.1f} s")
    facts = {"examples": examples.counts, "steps": steps, "seconds": round(seconds, 3)}
    recorded = recipe.model_dump(mode="json")
    return finish(context, name=name, recipe=recorded, parts=examples.parts, facts=facts, figures=figures)


def _images(examples: Sequence[Example], grid: GridTokens, context: TrainingContext) -> Tensor:
    """Encode the image of each example, each image once, as half precision [N, cells, CHANNELS]."""
    known: dict[str, Tensor] = {}
    rows = []
    for example in examples:
        if example.image not in known:
            known[example.image] = grid.tokens(example.open()).half()
        rows.append(known[example.image])
        context.reporter.advance(1)
    return torch.stack(rows) if rows else torch.empty(0)


def _losses(projection: Projection, decoder: Any, tokenizer: Any, images: Tensor, texts: Sequence[str]) -> Tensor:
    """Return the cross-entropy of each word of texts, padding left out, as one row."""
    device = projection.linear.weight.device
    ids = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")["input_ids"].to(device)
    logits = logits_of(decoder, projection(images.to(device).float()), ids)
    wanted = ids[:, 1:]
    losses = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
    return losses[wanted.flatten() != tokenizer.pad_token_id]


@torch.inference_mode()
def _measure(
    projection: Projection, decoder: Any, tokenizer: Any, images: Tensor, texts: Sequence[str], batch: int
) -> dict[str, float]:
    """Measure the loss of a word on held-out products, and the same with the image of another product."""
    if len(texts) < 2:
        return {}
    figures = {}
    for name, rows in (("", images), (" with another's image", images.roll(len(images) // 2, dims=0))):
        pieces = [
            _losses(projection, decoder, tokenizer, rows[at : at + batch], texts[at : at + batch])
            for at in range(0, len(texts), batch)
        ]
        figures[f"held-out loss of a word{name}"] = float(torch.cat(pieces).mean())
    return figures

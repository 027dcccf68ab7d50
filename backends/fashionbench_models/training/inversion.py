"""Trainer of a textual inversion: the text feature of "a photo of $" shall be the image's, and no other image's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from fashionbench.errors import ConfigError
from fashionbench.specs.validation import validated
from fashionbench.training.contract import TrainingResult
from fashionbench.training.record import finish
from fashionbench_models.encoders.base import features
from fashionbench_models.encoders.positions import positions
from fashionbench_models.encoders.pseudo_word import Prompts, PseudoWord
from fashionbench_models.encoders.pseudo_word_folder import save
from fashionbench_models.folder import locate
from fashionbench_models.loading import load_model, load_processor, require_words
from fashionbench_models.options import ModelOptions
from fashionbench_models.training.examples import collect
from fashionbench_models.training.loop import contrastive, optimise, recall
from fashionbench_models.training.recipe import InversionRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fashionbench.training.contract import TrainingContext
    from fashionbench_models.training.examples import Example


def train_inversion(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
    """Train a network from image features to pseudo-words, on the images of tasks alone; the two towers stay frozen.

    :raises ConfigError: on a wrong field, or where there is no model.
    :raises DataError: where there is too little to learn from.
    """
    recipe = validated(
        InversionRecipe, config, "the recipe of textual-inversion does not fit", "see docs/how-to/train.md"
    )
    if not recipe.model:
        raise ConfigError("textual-inversion has no model", remedy="say --set model=FOLDER")
    folder = locate(recipe.model.removeprefix("hf:"), recipe.revision)
    if context.dry_run:
        context.say(f"textual-inversion: {recipe.steps} steps on {', '.join(recipe.pairs)} for {folder.name}")
        return TrainingResult(None, None)
    options = ModelOptions(model=str(folder))
    model = load_model(AutoModel, options, context.device)
    processor, tokenizer = (load_processor(kind, options) for kind in (AutoImageProcessor, AutoTokenizer))
    require_words(tokenizer, options.model)
    padding = "max_length" if str(model.config.model_type).startswith("siglip") else True
    prompts = Prompts(model, tokenizer, positions(model, tokenizer), padding)
    examples = collect(recipe, context)
    context.reporter.expect(2)
    context.reporter.begin("phase inversion: images", len(examples.train) + len(examples.held))
    images, held = (_images(side, model, processor, context) for side in (examples.train, examples.held))
    context.reporter.end("read")
    context.reporter.begin("phase inversion", recipe.steps)
    sizes: dict[str, Any] = {"image": images.shape[1], "word": prompts.width}
    sizes |= {"hidden": recipe.hidden, "dropout": recipe.dropout}
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = PseudoWord(**sizes).to(context.device).train()
        started = time.monotonic()

        def loss_of(rows: Tensor) -> Tensor:
            texts = prompts.features(network(images[rows]), [""] * len(rows))
            return contrastive(texts, images[rows], torch.arange(len(rows)), 1 / recipe.temperature)

        steps = optimise(network.parameters(), len(images), loss_of, recipe, context.reporter.advance)
        seconds = time.monotonic() - started
    save(context.out / "model", network, sizes, folder)
    figures = {}
    if len(held) > 1:
        with torch.inference_mode():
            pieces = network.eval()(held).split(recipe.batch_size)
            texts = torch.cat([prompts.features(words, [""] * len(words)) for words in pieces])
        figures = {"held-out recall@10": recall(texts, held), "chance of recall@10": min(100.0, 1000 / len(held))}
    context.reporter.end(f"{steps} steps in {seconds:.1f} s")
    facts = {"examples": examples.counts, "steps": steps, "seconds": round(seconds, 3)}
    recorded = recipe.model_dump(mode="json") | {"model": Path(recipe.model).name}
    return finish(
        context, name="textual-inversion", recipe=recorded, parts=examples.parts, facts=facts, figures=figures
    )


@torch.inference_mode()
def _images(examples: Sequence[Example], model: Any, processor: Any, context: TrainingContext) -> Tensor:
    """Return the features of images, each once, with norm 1."""
    distinct = list({example.image: example for example in examples}.values())
    rows = []
    for at in range(0, len(distinct), 64):
        piece = [example.open().convert("RGB") for example in distinct[at : at + 64]]
        inputs = processor(images=piece, return_tensors="pt").to(context.device)
        rows.append(features(model.get_image_features(**inputs)).float())
        context.reporter.advance(len(piece))
    return functional.normalize(torch.cat(rows), dim=1).clone() if rows else torch.empty(0, 0)

"""Trainer of a small CLIP from random weights, written as ``save_pretrained`` writes one: ``hf:OUT/model`` loads it.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, at a size that
learns on a processor: the single-task baseline of a model that does more than retrieval.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from fashionbench.specs.validation import validated
from fashionbench.training.contract import TrainingResult
from fashionbench.training.record import finish
from fashionbench_models.encoders.base import features
from fashionbench_models.training.examples import collect
from fashionbench_models.training.loop import contrastive, optimise, recall
from fashionbench_models.training.recipe import ClipRecipe
from fashionbench_models.training.tokenizer import learn_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fashionbench.training.contract import TrainingContext
    from fashionbench_models.training.examples import Example

#: CLIP's bound on the scale of the logits.
LARGEST_SCALE = 100.0


def train_clip(config: Mapping[str, Any], context: TrainingContext) -> TrainingResult:
    """Train a CLIP on the pairs of tasks within a budget, and measure it on products that were held out.

    :raises ConfigError: on a wrong field.
    :raises DataError: where there is too little to learn from.
    """
    recipe = validated(ClipRecipe, config, "the recipe of clip-from-scratch does not fit", "see docs/how-to/train.md")
    if context.dry_run:
        context.say(f"clip-from-scratch: {recipe.steps} steps on {', '.join(recipe.pairs)}")
        return TrainingResult(None, None)
    examples = collect(recipe, context)
    context.reporter.expect(2)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        tokenizer = learn_tokenizer([one.text for one in examples.train], recipe.vocabulary, recipe.positions)
        size = {"height": recipe.image_size, "width": recipe.image_size}
        processor = CLIPImageProcessor(size={"shortest_edge": recipe.image_size}, crop_size=size)
        model = _model(tokenizer, recipe).to(context.device)
        context.reporter.begin("phase clip: images", len(examples.train))
        pixels = _pixels(examples.train, processor, context)
        context.reporter.end("read")
        context.reporter.begin("phase clip", recipe.steps)
        number = {name: at for at, name in enumerate(dict.fromkeys(e.product for e in examples.train))}
        products = torch.tensor([number[example.product] for example in examples.train])
        started = time.monotonic()

        def loss_of(rows: Tensor) -> Tensor:
            with torch.no_grad():
                model.logit_scale.clamp_(max=math.log(LARGEST_SCALE))
            images = features(model.get_image_features(pixel_values=pixels[rows].to(context.device)))
            words = tokenizer([examples.train[at].text for at in rows.tolist()], **_LIMITS).to(context.device)
            texts = features(model.get_text_features(**words))
            return contrastive(images, texts, products[rows], model.logit_scale.exp())

        steps = optimise(model.parameters(), len(pixels), loss_of, recipe, context.reporter.advance)
        seconds = time.monotonic() - started
    model.eval()
    folder = context.out / "model"
    for part in (model, tokenizer, processor):
        part.save_pretrained(folder)
    figures = _measure(model, tokenizer, processor, examples.held, context)
    context.reporter.end(f"{steps} steps in {seconds:.1f} s")
    facts = {"examples": examples.counts, "steps": steps, "seconds": round(seconds, 3)}
    return finish(
        context,
        name="clip-from-scratch",
        recipe=recipe.model_dump(mode="json"),
        parts=examples.parts,
        facts=facts,
        figures=figures,
    )


_LIMITS: Mapping[str, Any] = {"padding": True, "truncation": True, "return_tensors": "pt"}


def _model(tokenizer: Any, recipe: ClipRecipe) -> Any:
    tower: dict[str, Any] = {
        "hidden_size": recipe.width,
        "intermediate_size": 4 * recipe.width,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
    }
    words = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": recipe.positions,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    images = {"image_size": recipe.image_size, "patch_size": recipe.patch}
    config: Any = CLIPConfig(
        text_config={**tower, **words}, vision_config={**tower, **images}, projection_dim=recipe.dimension
    )
    return CLIPModel(config).train()


def _pixels(examples: Sequence[Example], processor: Any, context: TrainingContext) -> Tensor:
    rows = []
    for example in examples:
        rows.append(processor(images=example.open().convert("RGB"), return_tensors="pt")["pixel_values"])
        context.reporter.advance(1)
    return torch.cat(rows)


@torch.inference_mode()
def _measure(
    model: Any, tokenizer: Any, processor: Any, held: Sequence[Example], context: TrainingContext
) -> dict[str, float]:
    """Measure recall@10 of texts to images on one pair of each product that was held out."""
    first = {example.product: example for example in reversed(held)}
    if len(first) < 2:
        return {}
    chosen = list(first.values())
    images, texts = [], []
    for at in range(0, len(chosen), 64):
        piece = chosen[at : at + 64]
        pixels = torch.cat(
            [processor(images=e.open().convert("RGB"), return_tensors="pt")["pixel_values"] for e in piece]
        )
        images.append(features(model.get_image_features(pixel_values=pixels.to(context.device))))
        words = tokenizer([example.text for example in piece], **_LIMITS).to(context.device)
        texts.append(features(model.get_text_features(**words)))
    return {
        "held-out recall@10": recall(torch.cat(texts), torch.cat(images)),
        "chance of recall@10": min(100.0, 1000 / len(chosen)),
    }

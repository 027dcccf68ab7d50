"""Phase ``composed`` (2): composed retrieval, with gradients through both frozen generators into the Q-Former."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from fashionbench_unifashion.diffusion.batch_rng import BatchRng
from fashionbench_unifashion.losses import hard_negatives, losses
from fashionbench_unifashion.qformer.tokenizer import clean
from fashionbench_unifashion.training.distributed import all_gather, all_reduce_sum, rank_rows, world_size
from fashionbench_unifashion.training.phases.base import (
    LOSS_EXAMPLES,
    REPLAY,
    Phase,
    PhaseInputs,
    StepImages,
    evenly,
    local_rows,
    noise_generator,
)
from fashionbench_unifashion.training.phases.contrastive import (
    Shown,
    contrastive_loss,
    in_chunks,
    matching_loss,
    meta_inputs,
    meta_pixels,
    qformer_parameters,
    replayable,
    replayed,
    replayed_pairs,
)
from fashionbench_unifashion.training.phases.image import denoising_pass
from fashionbench_unifashion.training.phases.language import answer_pass, mean_answer_loss
from fashionbench_unifashion.training.representation_drift import RepresentationDrift
from fashionbench_unifashion.training.validation import RECALL_EXAMPLES, triplet_recalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.qformer.qformer import Queries
    from fashionbench_unifashion.training.examples import PairReference, TripletReference
    from fashionbench_unifashion.training.recipe import PhaseConfig


class ComposedPhase(Phase):
    """Equation 13 of UniFashion; language and diffusion model and both adapters stay as they are."""

    example_kind = "triplets"

    def __init__(self, name: str, config: PhaseConfig, inputs: PhaseInputs) -> None:
        super().__init__(name, config, inputs)
        held = self.all_examples.held_triplets
        described = [example for example in held if example.caption][:LOSS_EXAMPLES]
        self._drift = RepresentationDrift(
            inputs.model, described or list(held[:LOSS_EXAMPLES]), inputs.feature_cache, self
        )

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:  # noqa: ARG003
        """Return the Q-Former's parameters without its own text head: text comes from the language model here."""
        return qformer_parameters(model, "qformer.lm_head.")

    @classmethod
    def memory_passes(
        cls, model: UniFashion, config: PhaseConfig, rows: int
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield the encoder where it learns, the readings of both images and texts, matching, and both generators."""
        qformer, size = model.qformer, model.qformer.config
        tokens, ids, mask = meta_inputs(model)
        generated = min(rows, config.lm_examples or rows)
        if model.vision.trainable:
            yield 2 * rows, lambda: model.vision(meta_pixels(model))
        yield rows, lambda: qformer.fused(tokens, ids, mask)
        yield rows * (2 if config.replay else 1), lambda: qformer.image(tokens, "target")
        yield rows, lambda: qformer.text(ids, mask)
        yield 3 * min(rows, config.itm_examples or rows), lambda: qformer.match(tokens, ids, mask)
        # The generators read what the Q-Former, which learns, has made.
        states = torch.empty(1, size.queries, size.hidden, requires_grad=True)
        if model.language is not None:
            yield generated, lambda: answer_pass(model, states)
        if model.diffusion is not None:
            yield generated, lambda: denoising_pass(model, states)

    @property
    def contrasted(self) -> Sequence[PairReference]:
        """The pairs that are replayed."""
        return replayable(self)

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read the images of composed queries."""
        triplets = [*self.inputs.examples.triplets, *self.inputs.examples.held_triplets]
        names = [image for example in triplets for image in (example.reference, example.target)]
        if self.config.replay_pairs:
            names += [pair.image for pair in self.inputs.examples.pairs]
        begin("reading images", len(dict.fromkeys(names)))
        self.inputs.feature_cache.prepare(names, advance)

    def images(self, examples: Sequence[TripletReference], seed: int) -> StepImages:
        """Return both images of this process's rows, those of replayed pairs, and the targets that are painted."""
        local = local_rows(examples)
        tokens = [name for example in local for name in (example.reference, example.target)]
        tokens += [pair.image for pair in local_rows(replayed(self, seed))]
        painted = self._painted(len(examples)) if self._paints else []
        return StepImages(tokens, [examples[row].target for row in painted])

    def start(self) -> None:
        """Let q_T begin as q_R: what phase 1 learnt to read of an image is what a search looks for."""
        with torch.no_grad():
            self.model.qformer.target.copy_(self.model.qformer.reference)

    def begin_step(self, step: int) -> None:
        """Let negatives get harder from the first step to the last."""
        self.hardness = step / self.steps

    def forward(self, examples: Sequence[TripletReference], seed: int) -> dict[str, Tensor]:
        """Compute contrast, matching, captions, the generators' losses, and what replays phase 1."""
        qformer, local, cache = self.model.qformer, local_rows(examples), self.inputs.feature_cache
        reference_tokens = cache.tokens([example.reference for example in local])
        target_tokens = cache.tokens([example.target for example in local])
        texts = self.model.texts([example.text for example in examples])
        fused = qformer.fused(reference_tokens, local_rows(texts.ids), local_rows(texts.mask), "reference")
        queries = all_gather(functional.normalize(qformer.text_proj(fused.cls), dim=-1))
        searched = in_chunks(self, lambda part: qformer.image_features(part, "target"), target_tokens)
        scores = losses.similarity(all_gather(searched), queries)
        same = hard_negatives.equal([example.target for example in examples]).to(scores.device)
        values = {"itc": contrastive_loss(self, scores, same)}
        shown: Queries | Tensor = "target" if self.model.config.itm_inputs == "target" else all_gather(fused.queries)
        targets = Shown([example.target for example in examples], target_tokens)
        values["itm"] = matching_loss(self, scores, same, targets, texts.ids, texts.mask, seed=seed, queries=shown)
        # Captions of a gallery are made from the image by itself, so the image by itself must stay readable.
        image_states = qformer.image(target_tokens, "reference") if self.config.replay else None
        values |= self._caption_losses(examples, queries, image_states)
        values |= replayed_pairs(self, seed)
        values |= self._generator_losses(examples, fused.queries, seed)
        if image_states is not None:
            answer = self._answer_loss(examples, image_states)
            values |= {f"{REPLAY} of captions": answer} if answer is not None else {}
        return values

    def validation(self) -> dict[str, float]:
        """Measure composed recall among the images of held-out queries."""
        return triplet_recalls(self.model, self.all_examples.held_triplets[:RECALL_EXAMPLES], self.inputs.feature_cache)

    def begin_drift(self) -> None:
        """Remember the Q-Former's output as it is now."""
        self._drift.begin()

    def drift(self) -> Mapping[str, float]:
        """Measure how far the Q-Former's output is from what the generators were trained on."""
        return self._drift()

    def _caption_losses(
        self, examples: Sequence[TripletReference], queries: Tensor, image_states: Tensor | None
    ) -> dict[str, Tensor]:
        """Contrast with the targets' captions (second term of equation 10), and replay phase 1's contrast."""
        described = [row for row, example in enumerate(examples) if example.caption]
        if len({clean(examples[row].caption) for row in described}) < 2:
            return {}
        features = self.model.text_features([examples[row].caption for row in described])
        same = hard_negatives.equal([clean(examples[row].caption) for row in described]).to(features.device)
        values = {"caption": contrastive_loss(self, queries[described] @ features.T, same)}
        if image_states is not None:
            images = all_gather(self.model.qformer.projected(image_states))[described]
            values[REPLAY] = contrastive_loss(self, losses.similarity(images, features), same)
        return values

    def _generator_losses(self, examples: Sequence[TripletReference], states: Tensor, seed: int) -> dict[str, Tensor]:
        """Supervise with the two generators (equations 6, 11 and 12 on q_R).

        They see examples at even distances of the whole batch, so that each process has about as many; a process that
        has none adds nothing to the mean.
        """
        diffusion, local = self.model.diffusion, rank_rows(len(examples))
        answer = self._answer_loss(examples, states) if self.config.weights.answer else None
        values = {} if answer is None else {"answer": answer}
        if diffusion is not None and self._paints:
            rows, shown = self._painted(len(examples)), evenly(range(len(examples)), self.config.lm_examples)
            values["q2i"] = 0.0 * states.sum()
            if rows:
                images = self.inputs.feature_cache.pixels([examples[row].target for row in rows])
                condition = self.model.condition_of(states[[row - local.start for row in rows]])
                rng = BatchRng(noise_generator(seed), rows, len(examples))
                share = len(rows) * world_size() / len(shown)
                values["q2i"] = diffusion.loss(images, condition, None, rng) * share
        return values

    @property
    def _paints(self) -> bool:
        return self.model.diffusion is not None and bool(self.config.weights.q2i)

    def _painted(self, count: int) -> list[int]:
        """Return this process's rows of a batch that the diffusion model sees."""
        local = rank_rows(count)
        return [row for row in evenly(range(count), self.config.lm_examples) if row in local]

    def _answer_loss(self, examples: Sequence[TripletReference], states: Tensor) -> Tensor | None:
        """Return the language model's loss of the targets' captions; None where there is no model, or no caption."""
        language, local = self.model.language, rank_rows(len(examples))
        described = [row for row, example in enumerate(examples) if example.caption]
        shown = evenly(described, self.config.lm_examples)
        if language is None or not shown:
            return None
        rows = [row for row in shown if row in local]
        if not rows:
            all_reduce_sum(torch.zeros((), dtype=torch.long, device=states.device))
            return 0.0 * states.sum()
        prompt = self.model.prompt_of(states[[row - local.start for row in rows]])
        captions = [examples[row].caption for row in rows]
        return mean_answer_loss(language.answers(prompt, [examples[row].instruction for row in rows], captions))

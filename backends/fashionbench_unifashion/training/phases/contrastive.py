"""Phase ``contrastive`` (1a): the Q-Former by image-text contrast, matching and text generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from fashionbench_unifashion.losses import hard_negatives, losses
from fashionbench_unifashion.qformer.tokenizer import clean
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.distributed import all_gather, all_reduce_sum, rank, rank_rows, world_size
from fashionbench_unifashion.training.phases.base import REPLAY, Phase, StepImages, evenly, local_rows, parameters_under
from fashionbench_unifashion.training.validation import RECALL_EXAMPLES, pair_recalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.qformer.qformer import Queries
    from fashionbench_unifashion.training.examples import PairReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.recipe import PhaseConfig


class ContrastivePhase(Phase):
    """ITC + ITM + ITG (UniFashion, equation 5, and the text generation of BLIP-2)."""

    example_kind = "pairs"
    _contrast_alone = False

    @classmethod
    def trainable(cls, model: UniFashion, config: PhaseConfig) -> dict[str, nn.Parameter]:  # noqa: ARG003
        """Return the Q-Former's parameters without q_T, which reads what is searched for: nothing before phase 2."""
        return qformer_parameters(model, "qformer.target")

    @classmethod
    def memory_passes(
        cls, model: UniFashion, config: PhaseConfig, rows: int
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yield the encoder where it learns, decoding or image-only reading, the text, and matching."""
        qformer, chunk = model.qformer, min(rows, config.feature_chunk or rows)
        tokens, ids, mask = meta_inputs(model)
        if model.vision.trainable:
            yield rows, lambda: model.vision(meta_pixels(model))
        if config.weights.itg:
            yield rows, lambda: qformer.decode(tokens, ids, mask)
        else:
            yield chunk, lambda: qformer.image(tokens, "reference")
        yield chunk, lambda: qformer.text(ids, mask)
        yield 3 * min(rows, config.itm_examples or rows), lambda: qformer.match(tokens, ids, mask)

    @property
    def contrasted(self) -> Sequence[PairReference]:
        """All pairs of the phase."""
        return self.examples

    def read_images(self, begin: Callable[[str, int], object], advance: Callable[..., object]) -> None:
        """Read the photos of pairs."""
        self.inputs.feature_cache.read_pairs(self.inputs.examples, begin, advance)

    def images(self, examples: Sequence[PairReference], seed: int) -> StepImages:  # noqa: ARG002
        """Return the photos of this process's rows."""
        return StepImages([example.image for example in local_rows(examples)])

    def forward(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:
        """Compute contrast, and after its share of the steps by itself, matching and generation."""
        qformer, local = self.model.qformer, local_rows(examples)
        tokens = self.inputs.feature_cache.tokens([example.image for example in local])
        texts = self.model.texts([example.text for example in examples])
        ids, mask = local_rows(texts.ids), local_rows(texts.mask)
        generates = bool(self.config.weights.itg) and not self._contrast_alone
        generated, counted = self._generated(len(examples)) if generates else ([], 0)
        rest = [row for row in range(len(ids)) if row not in set(generated)]
        # The states that ITC compares and those that ITG decodes from are the same, so an image is read once.
        states: list[Tensor] = []
        logits = None
        if generated:
            read, logits = qformer.decode_with_queries(tokens[generated], ids[generated], mask[generated])
            states.append(read)
        if rest:
            states.append(in_chunks(self, lambda part: qformer.image(part, "reference"), tokens[rest]))
        order = torch.tensor([*generated, *rest], device=tokens.device).argsort()
        contrast, scores = pair_contrast(self, examples, torch.cat(states)[order])
        values = {"itc": contrast}
        if self._contrast_alone:
            return values
        same = same_pairs(examples).to(scores.device)
        shown = Shown([example.image for example in examples], tokens)
        values["itm"] = matching_loss(self, scores, same, shown, texts.ids, texts.mask, seed=seed, queries="reference")
        if self.config.weights.itg:
            # So weighed that the average over processes is the mean over all words.
            assert logits is not None  # noqa: S101
            words = mask[generated, 1:].sum() * counted
            every = all_reduce_sum(words.clone())
            values["itg"] = losses.itg(logits, ids[generated], mask[generated]) * (words * world_size() / every)
        return values

    def begin_step(self, step: int) -> None:
        """Let matching and generation join when the contrast has had its share of the steps."""
        alone = round(self.config.contrast_first * self.steps)
        self._contrast_alone = step < alone
        self.hardness = max(0.0, (step - alone) / (self.steps - alone))

    def _generated(self, count: int) -> tuple[list[int], int]:
        """Choose this process's rows that text is generated of, at even distances of the whole batch.

        A process that has none of them takes its first row, which counts nothing: shards of gradients are added up over
        processes that all have gradients of the same weights.

        :returns: the rows, and 1 where they count, else 0.
        """
        local = rank_rows(count)
        rows = [row - local.start for row in evenly(range(count), self.config.itg_examples) if row in local]
        return (rows, 1) if rows else ([0], 0)

    def validation(self) -> dict[str, float]:
        """Measure recall in both directions among held-out products."""
        return pair_recalls(self.model, self.all_examples.held_pairs[:RECALL_EXAMPLES], self.inputs.feature_cache)


def qformer_parameters(model: UniFashion, idle: str) -> dict[str, nn.Parameter]:
    """Return what learns with the Q-Former: it, the layer norm on image tokens, and an encoder that is trained here.

    :param idle: start of the names that no loss of the phase reaches.
    """
    norm = ("vision.ln_vision.",) if model.config.vision.train_norm else ()
    chosen = parameters_under(model, "qformer.", "sentence_encoder.", *norm)
    chosen |= parameters_under(model, "vision.network.") if model.vision.trainable else {}
    return {name: value for name, value in chosen.items() if not name.startswith(idle)}


def pair_contrast(phase: Phase, pairs: Sequence[PairReference], states: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Contrast a batch of pairs of all processes; return the loss and the scores [B, B].

    Where texts have an encoder of their own, the Q-Former's reading of them is compared too, so that it learns the
    words that matching and composed queries need; the loss is the mean of both, the scores are the encoder's.

    :param states: of this process's images, where they were read before.
    """
    qformer, local = phase.model.qformer, local_rows(pairs)
    if states is None:
        tokens = phase.inputs.feature_cache.tokens([pair.image for pair in local])
        states = in_chunks(phase, lambda part: qformer.image(part, "reference"), tokens)
    texts = phase.model.texts([pair.text for pair in pairs])
    words = in_chunks(phase, qformer.text_features, local_rows(texts.ids), local_rows(texts.mask))
    images, same = all_gather(qformer.projected(states)), same_pairs(pairs).to(words.device)
    scores = losses.similarity(images, all_gather(words))
    loss = contrastive_loss(phase, scores, same)
    if phase.model.sentence_encoder is not None:
        sentences = phase.model.sentence_encoder([pair.text for pair in local])
        scores = losses.similarity(images, all_gather(sentences))
        loss = (loss + contrastive_loss(phase, scores, same)) / 2
    return loss, scores


def in_chunks(phase: Phase, encode: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """Encode rows, in chunks whose activations are computed again in the backward pass where the recipe says so.

    Only the features are kept of all rows, which is what gradient caching keeps (Gao et al., "GradCache", 2021).

    :param rows: tensors of as many rows each.
    """
    size = phase.config.feature_chunk
    if size is None or len(rows[0]) <= size or not torch.is_grad_enabled():
        return encode(*rows)
    chunks = (tuple(part[at : at + size] for part in rows) for at in range(0, len(rows[0]), size))
    encoded: list[Tensor] = [checkpoint(encode, *chunk, use_reentrant=False) for chunk in chunks]
    return torch.cat(encoded)


def replayable(phase: Phase) -> Sequence[PairReference]:
    """Return the pairs that a phase replays the contrast on."""
    return phase.inputs.examples.pairs if phase.config.replay_pairs and phase.config.replay else ()


def replayed(phase: Phase, seed: int) -> list[PairReference]:
    """Draw pairs of all tasks to replay the contrast on, which need not have to do with the examples of the step."""
    pairs, count = replayable(phase), phase.config.replay_pairs
    if not pairs:
        return []
    drawn = torch.randint(len(pairs), (count,), generator=torch.Generator().manual_seed(number(seed, "pairs")))
    return [pairs[at] for at in drawn.tolist()]


def replayed_pairs(phase: Phase, seed: int) -> dict[str, Tensor]:
    """Replay the contrast on pairs of all tasks."""
    drawn = replayed(phase, seed)
    return {f"{REPLAY} of pairs": pair_contrast(phase, drawn)[0]} if drawn else {}


def same_pairs(pairs: Sequence[PairReference]) -> Tensor:
    """Mark pairs of one product or of one text, which are no negatives of each other, as booleans [B, B]."""
    products = hard_negatives.equal([pair.product for pair in pairs])
    return products | hard_negatives.equal([clean(pair.text) for pair in pairs])


def contrastive_loss(phase: Phase, scores: Tensor, same: Tensor) -> Tensor:
    """Contrast scores [B, B] as the recipe of the phase says."""
    config = phase.config
    return losses.itc(
        scores,
        phase.model.qformer.temperature,
        same=same,
        smoothing=config.smoothing,
        directions=config.directions,
        shared_targets=config.equal_pairs == "targets",
    )


def matching_loss(
    phase: Phase,
    scores: Tensor,
    same: Tensor,
    shown: Shown,
    ids: Tensor,
    mask: Tensor,
    *,
    seed: int,
    queries: Queries | Tensor,
) -> Tensor:
    """Match B right pairs, B with a hard negative text and B with a hard negative image; each process takes its rows.

    :param scores: [B, B], by which negatives are chosen.
    :param same: [B, B], pairs that are no negatives of each other.
    :param shown: the images of the batch.
    :param queries: a set of queries, or states [B, Q, H] of all processes that belong to the texts.
    """
    qformer, config = phase.model.qformer, phase.config
    generator = torch.Generator().manual_seed(number(seed, "negatives"))
    hardness = phase.hardness if config.negatives == "rising" else 1.0
    logits = (hardness * scores / qformer.temperature).detach()
    how: Literal["argmax", "multinomial"] = "argmax" if config.negatives == "argmax" else "multinomial"
    texts = hard_negatives.draw(logits, generator, same=same, how=how)
    images = hard_negatives.draw(logits.T, generator, same=same.T, how=how)
    pairs = hard_negatives.assemble(len(ids), texts, images)
    # Of every pair, the example that it was made for; the order of examples in a batch is random already.
    example = torch.cat([torch.arange(len(ids), device=ids.device), texts.rows, images.rows])
    wanted = example < (config.itm_examples or len(ids))
    left, right, every = (part[wanted] for part in pairs)
    rows = slice(rank(), None, world_size())
    left, right, labels = left[rows], right[rows], every[rows]
    if isinstance(queries, Tensor):
        queries = queries[right]
    judged = qformer.match(shown.tokens(left, phase.inputs.feature_cache), ids[right], mask[right], queries)
    return losses.itm(judged, labels) * (len(labels) * world_size() / len(every))


@dataclass(frozen=True, slots=True)
class Shown:
    """The images of a batch over all processes, of which each process has read its own.

    :param names: ids of all.
    :param own: tokens of this process's rows, [b, N, W].
    """

    names: Sequence[str]
    own: Tensor

    def tokens(self, rows: Tensor, cache: ImageFeatureCache) -> Tensor:
        """Return the tokens of rows of the batch, [R, N, W]; those of other processes are read here, not sent."""
        local = rank_rows(len(self.names))
        others = sorted({row for row in rows.tolist() if row not in local})
        known = self.own if not others else torch.cat([self.own, cache.tokens([self.names[row] for row in others])])
        place = {row: at for at, row in enumerate([*local, *others])}
        return known[[place[row] for row in rows.tolist()]]


def meta_inputs(model: UniFashion) -> tuple[Tensor, Tensor, Tensor]:
    """Return image tokens, and ids and mask of a text as long as the Q-Former reads, of one example."""
    tokens = torch.empty(1, model.vision.tokens, model.vision.width)
    ids = torch.zeros(1, model.qformer.config.max_length, dtype=torch.long)
    return tokens, ids, torch.ones_like(ids)


def meta_pixels(model: UniFashion) -> Tensor:
    """Return the pixels of one example."""
    return torch.empty(1, 3, model.vision.image_size, model.vision.image_size)

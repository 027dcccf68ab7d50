"""What each phase minimises, as a module that accelerate can spread over processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench_unifashion.diffusion.batch_rng import BatchRng
from fashionbench_unifashion.losses import hard_negatives, losses
from fashionbench_unifashion.qformer.tokenizer import clean
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.distributed import all_gather, all_reduce_sum, rank, rank_rows, world_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_unifashion.language.model import Answers
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairReference, TripletReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.recipe import PhaseConfig
    from fashionbench_unifashion.training.tryon_batches import TryOnBatches


class Objective(nn.Module):
    """The loss of a phase.

    :param model: learns.
    :param feature_cache: tokens and images of images.
    :param tryon_batches: try-on and design examples; None where no phase needs them.
    """

    def __init__(
        self,
        model: UniFashion,
        phase: PhaseConfig,
        feature_cache: ImageFeatureCache,
        tryon_batches: TryOnBatches | None,
    ) -> None:
        super().__init__()
        self.model = model
        self._phase = phase
        self._feature_cache = feature_cache
        self._tryon_batches = tryon_batches

    def train(self, mode: bool = True) -> Objective:  # noqa: FBT001, FBT002
        """Enter training mode, except for parts that do not learn: nothing drops out of what they tell the others."""
        super().train(mode)
        for part in self.model.parts().values():
            if not any(value.requires_grad for value in part.parameters()):
                part.eval()
                for layer in part.modules():
                    # Whether its activations are recomputed is all that such a layer reads its own mode for.
                    if getattr(layer, "gradient_checkpointing", False):
                        layer.training = mode
        return self

    def forward(self, examples: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Compute the losses of a batch by name.

        :param examples: the batch of all processes; each computes its own share of the rows.
        :param seed: of every random choice in this batch.
        """
        work = {
            "vae": self._autoencode,
            "contrastive": self._contrast,
            "language": self._speak,
            "image": self._paint,
            "composed": self._compose,
            "try_on": self._dress,
        }
        return work[self._phase.kind](examples, seed)

    def _contrast(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:
        """Phase 1a: ITC + ITM + ITG (equation 5, and the text generation of BLIP-2)."""
        qformer, mine = self.model.qformer, _local_rows(examples)
        tokens = self._feature_cache.tokens([example.image for example in mine])
        every = self.model.texts([example.text for example in examples])
        ids, mask = _local_rows(every.ids), _local_rows(every.mask)
        # The states that ITC compares and those that ITG tells of are the same, so the images are read once.
        decoded = qformer.decode_with_queries(tokens, ids, mask) if self._phase.weights.itg else None
        states = qformer.image(tokens, "reference") if decoded is None else decoded.queries
        images = all_gather(qformer.projected(states))
        scores = losses.similarity(images, all_gather(qformer.text_features(ids, mask)))
        same = _same([example.product for example in examples], [example.text for example in examples]).to(
            scores.device
        )
        found = {"itc": self._itc(scores, same)}
        found["itm"] = self._itm(scores, same, all_gather(tokens), every.ids, every.mask, seed, "reference")
        if decoded is not None:
            found["itg"] = losses.itg(decoded.logits, ids, mask) * _weight(mask[:, 1:].sum(), every.mask[:, 1:].sum())
        return found

    def _speak(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Phase 1b, language model: equation 6 on image-only queries of a frozen Q-Former."""
        assert self.model.language is not None  # noqa: S101
        mine = _local_rows(examples)
        with torch.no_grad():
            states = self.model.qformer.image(
                self._feature_cache.tokens([example.image for example in mine]), "reference"
            )
        prompt = self.model.prompt_of(states)
        answers = self.model.language.answers(prompt, [x.instruction for x in mine], [x.text for x in mine])
        return {"answer": _over_tokens(answers)}

    def _paint(self, examples: Sequence[PairReference], seed: int) -> dict[str, Tensor]:
        """Phase 1b, diffusion model: equation 7 on image-only queries of a frozen Q-Former."""
        assert self.model.diffusion is not None  # noqa: S101
        names = [example.image for example in _local_rows(examples)]
        with torch.no_grad():
            states = self.model.qformer.image(self._feature_cache.tokens(names), "reference")
        drawn = _batch_rng(examples, seed)
        images = self._mirrored(self._feature_cache.images(names), drawn)
        return {"q2i": self.model.diffusion.loss(images, self.model.condition_of(states), None, drawn)}

    def _compose(self, examples: Sequence[TripletReference], seed: int) -> dict[str, Tensor]:
        """Phase 2: equation 13, with gradients through both generators into the Q-Former."""
        qformer, mine = self.model.qformer, _local_rows(examples)
        before = self._feature_cache.tokens([example.reference for example in mine])
        after = self._feature_cache.tokens([example.target for example in mine])
        every = self.model.texts([example.text for example in examples])
        fused = qformer.fused(before, _local_rows(every.ids), _local_rows(every.mask), "reference")
        asked = all_gather(functional.normalize(qformer.text_proj(fused.cls), dim=-1))
        scores = losses.similarity(all_gather(qformer.image_features(after, "target")), asked)
        targets = [example.target for example in examples]
        same = hard_negatives.equal(targets).to(scores.device)
        found = {"itc": self._itc(scores, same)}
        found["itm"] = self._itm(scores, same, all_gather(after), every.ids, every.mask, seed, "target")
        # Captions of a gallery are made from the image alone, so the image alone must stay readable.
        seen = qformer.image(after, "reference") if self._phase.replay else None
        found |= self._captions(examples, asked, seen)
        found |= self._generated(examples, fused.queries, seed)
        if seen is not None:
            spoken = self._spoken(examples, seen)
            found |= {"replay of captions": spoken} if spoken is not None else {}
        return found

    def _captions(self, examples: Sequence[TripletReference], asked: Tensor, seen: Tensor | None) -> dict[str, Tensor]:
        """Contrast with the targets' captions (second term of equation 10), and rehearse phase 1."""
        described = [at for at, example in enumerate(examples) if example.caption]
        if len({clean(examples[at].caption) for at in described}) < 2:
            return {}
        qformer = self.model.qformer
        every = self.model.texts([examples[at].caption for at in described])
        texts = qformer.text_features(every.ids, every.mask)
        same = hard_negatives.equal([clean(examples[at].caption) for at in described]).to(texts.device)
        found = {"caption": self._itc(asked[described] @ texts.T, same)}
        if seen is not None:
            images = all_gather(qformer.projected(seen))[described]
            found["replay"] = self._itc(losses.similarity(images, texts), same)
        return found

    def _generated(self, examples: Sequence[TripletReference], states: Tensor, seed: int) -> dict[str, Tensor]:
        """Supervision by the two generators (equations 6, 11 and 12 on q_R).

        They see examples at even distances of the whole batch, so that each process has about as many; a process that
        has none adds nothing to the mean.
        """
        diffusion, weights = self.model.diffusion, self._phase.weights
        most, mine = self._phase.lm_examples, rank_rows(len(examples))
        spoken = self._spoken(examples, states) if weights.answer else None
        found = {} if spoken is None else {"answer": spoken}
        shown = _evenly(range(len(examples)), most)
        if diffusion is not None and weights.q2i:
            own = [at for at in shown if at in mine]
            found["q2i"] = 0.0 * states.sum()
            if own:
                images = self._feature_cache.images([examples[at].target for at in own])
                condition = self.model.condition_of(states[[at - mine.start for at in own]])
                drawn = BatchRng(_generator(seed), own, len(examples))
                found["q2i"] = diffusion.loss(images, condition, None, drawn) * (len(own) * world_size() / len(shown))
        return found

    def _spoken(self, examples: Sequence[TripletReference], states: Tensor) -> Tensor | None:
        """Let the language model say the targets' captions; None where there is no model, or no caption."""
        language, mine = self.model.language, rank_rows(len(examples))
        described = [at for at, example in enumerate(examples) if example.caption]
        chosen = _evenly(described, self._phase.lm_examples)
        if language is None or not chosen:
            return None
        own = [at for at in chosen if at in mine]
        if not own:
            all_reduce_sum(torch.zeros((), dtype=torch.long, device=states.device))
            return 0.0 * states.sum()
        prompt = self.model.prompt_of(states[[at - mine.start for at in own]])
        captions = [examples[at].caption for at in own]
        return _over_tokens(language.answers(prompt, [examples[at].instruction for at in own], captions))

    def _autoencode(self, examples: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Phase 0 of a small preset: the VAE."""
        assert self.model.diffusion is not None  # noqa: S101
        drawn = _batch_rng(examples, seed)
        mine = _local_rows(examples)
        if self._tryon_batches is not None and mine and not hasattr(mine[0], "image"):
            images = self._tryon_batches.vae_images(mine, rank_rows(len(examples)).start)
        else:
            images = self._feature_cache.images([example.image for example in mine])
        return {"reconstruction": self.model.diffusion.vae.loss(self._mirrored(images, drawn), generator=drawn)}

    def _dress(self, examples: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Try-on and design fine-tuning: equation 7 with images as further conditions."""
        assert self.model.diffusion is not None and self._tryon_batches is not None  # noqa: S101, PT018
        drawn = _batch_rng(examples, seed)
        tryon_batch = self._tryon_batches.batch(_local_rows(examples), drawn, mirror=self._phase.flip and self.training)
        with torch.no_grad():
            states = self._tryon_batches.states(tryon_batch)
        condition = self.model.condition_of(states)
        return {"q2i": self.model.diffusion.loss(tryon_batch.images, condition, tryon_batch.conditions, drawn)}

    def _itc(self, scores: Tensor, same: Tensor) -> Tensor:
        temperature, phase = self.model.qformer.temperature, self._phase
        return losses.itc(scores, temperature, same=same, smoothing=phase.smoothing, directions=phase.directions)

    def _itm(
        self, scores: Tensor, same: Tensor, tokens: Tensor, ids: Tensor, mask: Tensor, seed: int, queries: Any
    ) -> Tensor:
        """Match B right pairs, B with a wrong text and B with a wrong image; each process takes its share."""
        draw = torch.Generator().manual_seed(number(seed, "negatives"))
        logits = (scores / self.model.qformer.temperature).detach()
        texts = hard_negatives.draw(logits, draw, same=same, how=self._phase.negatives)
        images = hard_negatives.draw(logits.T, draw, same=same.T, how=self._phase.negatives)
        pairs = hard_negatives.assemble(tokens, ids, mask, texts, images)
        # Of every pair, the example that it was made for; the order of examples in a batch is chance already.
        example = torch.cat([torch.arange(len(ids), device=ids.device), texts.rows, images.rows])
        wanted = example < (self._phase.itm_examples or len(ids))
        pairs = hard_negatives.Pairs(*(part[wanted] for part in pairs))
        rows = slice(rank(), None, world_size())
        judged = self.model.qformer.match(pairs.tokens[rows], pairs.ids[rows], pairs.mask[rows], queries)
        labels = pairs.labels[rows]
        return losses.itm(judged, labels) * (len(labels) * world_size() / len(pairs.labels))

    def _mirrored(self, images: Tensor, drawn: BatchRng) -> Tensor:
        if not (self._phase.flip and self.training):
            return images
        turned = drawn.uniform((len(images),), images) < 0.5
        return torch.where(turned[:, None, None, None], images.flip(-1), images)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(number(seed, "noise", 0))


def _batch_rng(examples: Sequence[Any], seed: int) -> BatchRng:
    return BatchRng(_generator(seed), rank_rows(len(examples)), len(examples))


def _local_rows(rows: Any) -> Any:
    """Return this process's rows of a batch."""
    mine = rank_rows(len(rows))
    return rows[mine.start : mine.stop]


def _evenly(rows: Sequence[int], most: int | None) -> list[int]:
    """Take at most so many rows, at even distances."""
    if most is None or len(rows) <= most:
        return list(rows)
    return [rows[at * len(rows) // most] for at in range(most)]


def _over_tokens(answers: Answers) -> Tensor:
    """Return the loss of answers, weighed so that the average over processes is the mean over all tokens."""
    own = (answers.labels[:, 1:] != losses.IGNORED).sum()
    return losses.answer_loss(answers.logits, answers.labels) * (own * world_size() / all_reduce_sum(own))


def _same(products: Sequence[str], texts: Sequence[str]) -> Tensor:
    """Mark pairs of one product or of one text, which are no negatives of each other."""
    return hard_negatives.equal(products) | hard_negatives.equal([clean(text) for text in texts])


def _weight(mine: Tensor, every: Tensor) -> Tensor:
    """Weigh a mean over own words so that the average over processes is the mean over all words."""
    return mine * world_size() / every

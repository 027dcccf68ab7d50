"""What each phase minimises, as a module that accelerate can spread over processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench_unifashion.diffusion.batch_rng import Chance
from fashionbench_unifashion.losses import hard_negatives, losses
from fashionbench_unifashion.qformer.tokenizer import clean
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.distributed import everywhere, rank, share, summed, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_unifashion.language.model import Answers
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairLesson, TripletLesson
    from fashionbench_unifashion.training.feature_cache import ImageBank
    from fashionbench_unifashion.training.recipe import PhaseConfig
    from fashionbench_unifashion.training.tryon_batches import Fittings


class Objective(nn.Module):
    """The loss of a phase.

    :param model: learns.
    :param bank: tokens and pictures of images.
    :param fittings: try-on and design lessons; None where no phase needs them.
    """

    def __init__(self, model: UniFashion, phase: PhaseConfig, bank: ImageBank, fittings: Fittings | None) -> None:
        super().__init__()
        self.model = model
        self._phase = phase
        self._bank = bank
        self._fittings = fittings

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

    def forward(self, lessons: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Compute the losses of a batch by name.

        :param lessons: the batch of all processes; each computes its own share of the rows.
        :param seed: of every random choice in this batch.
        """
        work = {
            "autoencode": self._autoencode,
            "contrast": self._contrast,
            "speak": self._speak,
            "paint": self._paint,
            "compose": self._compose,
            "dress": self._dress,
        }
        return work[self._phase.kind](lessons, seed)

    def _contrast(self, lessons: Sequence[PairLesson], seed: int) -> dict[str, Tensor]:
        """Phase 1a: ITC + ITM + ITG (equation 5, and the text generation of BLIP-2)."""
        qformer, mine = self.model.qformer, _share(lessons)
        tokens = self._bank.tokens([lesson.image for lesson in mine])
        every = self.model.texts([lesson.text for lesson in lessons])
        ids, mask = _share(every.ids), _share(every.mask)
        # The states that ITC compares and those that ITG tells of are the same, so the images are read once.
        told = qformer.tell(tokens, ids, mask) if self._phase.weights.itg else None
        states = qformer.image(tokens, "reference") if told is None else told.queries
        images = everywhere(qformer.projected(states))
        scores = losses.similarity(images, everywhere(qformer.text_features(ids, mask)))
        same = _same([lesson.product for lesson in lessons], [lesson.text for lesson in lessons]).to(scores.device)
        found = {"itc": self._itc(scores, same)}
        found["itm"] = self._itm(scores, same, everywhere(tokens), every.ids, every.mask, seed, "reference")
        if told is not None:
            found["itg"] = losses.itg(told.logits, ids, mask) * _weight(mask[:, 1:].sum(), every.mask[:, 1:].sum())
        return found

    def _speak(self, lessons: Sequence[PairLesson], seed: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Phase 1b, language model: equation 6 on image-only queries of a frozen Q-Former."""
        assert self.model.language is not None  # noqa: S101
        mine = _share(lessons)
        with torch.no_grad():
            states = self.model.qformer.image(self._bank.tokens([lesson.image for lesson in mine]), "reference")
        prompt = self.model.prompt_of(states)
        answers = self.model.language.answers(prompt, [x.instruction for x in mine], [x.text for x in mine])
        return {"answer": _over_tokens(answers)}

    def _paint(self, lessons: Sequence[PairLesson], seed: int) -> dict[str, Tensor]:
        """Phase 1b, diffusion model: equation 7 on image-only queries of a frozen Q-Former."""
        assert self.model.diffusion is not None  # noqa: S101
        names = [lesson.image for lesson in _share(lessons)]
        with torch.no_grad():
            states = self.model.qformer.image(self._bank.tokens(names), "reference")
        drawn = _chance(lessons, seed)
        pictures = self._mirrored(self._bank.pictures(names), drawn)
        return {"q2i": self.model.diffusion.loss(pictures, self.model.condition_of(states), None, drawn)}

    def _compose(self, lessons: Sequence[TripletLesson], seed: int) -> dict[str, Tensor]:
        """Phase 2: equation 13, with gradients through both generators into the Q-Former."""
        qformer, mine = self.model.qformer, _share(lessons)
        before = self._bank.tokens([lesson.reference for lesson in mine])
        after = self._bank.tokens([lesson.target for lesson in mine])
        every = self.model.texts([lesson.text for lesson in lessons])
        fused = qformer.fused(before, _share(every.ids), _share(every.mask), "reference")
        asked = everywhere(functional.normalize(qformer.text_proj(fused.cls), dim=-1))
        scores = losses.similarity(everywhere(qformer.image_features(after, "target")), asked)
        targets = [lesson.target for lesson in lessons]
        same = hard_negatives.equal(targets).to(scores.device)
        found = {"itc": self._itc(scores, same)}
        found["itm"] = self._itm(scores, same, everywhere(after), every.ids, every.mask, seed, "target")
        # Captions of a gallery are made from the image alone, so the image alone must stay readable.
        seen = qformer.image(after, "reference") if self._phase.rehearsal else None
        found |= self._captions(lessons, asked, seen)
        found |= self._generated(lessons, fused.queries, seed)
        if seen is not None:
            spoken = self._spoken(lessons, seen)
            found |= {"rehearsal of captions": spoken} if spoken is not None else {}
        return found

    def _captions(self, lessons: Sequence[TripletLesson], asked: Tensor, seen: Tensor | None) -> dict[str, Tensor]:
        """Contrast with the targets' captions (second term of equation 10), and rehearse phase 1."""
        described = [at for at, lesson in enumerate(lessons) if lesson.caption]
        if len({clean(lessons[at].caption) for at in described}) < 2:
            return {}
        qformer = self.model.qformer
        every = self.model.texts([lessons[at].caption for at in described])
        texts = qformer.text_features(every.ids, every.mask)
        same = hard_negatives.equal([clean(lessons[at].caption) for at in described]).to(texts.device)
        found = {"caption": self._itc(asked[described] @ texts.T, same)}
        if seen is not None:
            images = everywhere(qformer.projected(seen))[described]
            found["rehearsal"] = self._itc(losses.similarity(images, texts), same)
        return found

    def _generated(self, lessons: Sequence[TripletLesson], states: Tensor, seed: int) -> dict[str, Tensor]:
        """Supervision by the two generators (equations 6, 11 and 12 on q_R).

        They see lessons at even distances of the whole batch, so that each process has about as many; a process that
        has none adds nothing to the mean.
        """
        diffusion, weights = self.model.diffusion, self._phase.weights
        most, mine = self._phase.generated, share(len(lessons))
        spoken = self._spoken(lessons, states) if weights.answer else None
        found = {} if spoken is None else {"answer": spoken}
        shown = _evenly(range(len(lessons)), most)
        if diffusion is not None and weights.q2i:
            own = [at for at in shown if at in mine]
            found["q2i"] = 0.0 * states.sum()
            if own:
                pictures = self._bank.pictures([lessons[at].target for at in own])
                condition = self.model.condition_of(states[[at - mine.start for at in own]])
                drawn = Chance(_generator(seed), own, len(lessons))
                found["q2i"] = diffusion.loss(pictures, condition, None, drawn) * (len(own) * world() / len(shown))
        return found

    def _spoken(self, lessons: Sequence[TripletLesson], states: Tensor) -> Tensor | None:
        """Let the language model say the targets' captions; None where there is no model, or no caption."""
        language, mine = self.model.language, share(len(lessons))
        described = [at for at, lesson in enumerate(lessons) if lesson.caption]
        told = _evenly(described, self._phase.generated)
        if language is None or not told:
            return None
        own = [at for at in told if at in mine]
        if not own:
            summed(torch.zeros((), dtype=torch.long, device=states.device))
            return 0.0 * states.sum()
        prompt = self.model.prompt_of(states[[at - mine.start for at in own]])
        captions = [lessons[at].caption for at in own]
        return _over_tokens(language.answers(prompt, [lessons[at].instruction for at in own], captions))

    def _autoencode(self, lessons: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Phase 0 of a small preset: the VAE."""
        assert self.model.diffusion is not None  # noqa: S101
        drawn = _chance(lessons, seed)
        mine = _share(lessons)
        if self._fittings is not None and mine and not hasattr(mine[0], "image"):
            pictures = self._fittings.every_picture(mine, share(len(lessons)).start)
        else:
            pictures = self._bank.pictures([lesson.image for lesson in mine])
        return {"reconstruction": self.model.diffusion.vae.loss(self._mirrored(pictures, drawn), generator=drawn)}

    def _dress(self, lessons: Sequence[Any], seed: int) -> dict[str, Tensor]:
        """Try-on and design fine-tuning: equation 7 with pictures as further conditions."""
        assert self.model.diffusion is not None and self._fittings is not None  # noqa: S101, PT018
        drawn = _chance(lessons, seed)
        fitting = self._fittings.batch(_share(lessons), drawn, mirror=self._phase.flip and self.training)
        with torch.no_grad():
            states = self._fittings.states(fitting)
        condition = self.model.condition_of(states)
        return {"q2i": self.model.diffusion.loss(fitting.pictures, condition, fitting.conditions, drawn)}

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
        # Of every pair, the lesson that it was made for; the order of lessons in a batch is chance already.
        lesson = torch.cat([torch.arange(len(ids), device=ids.device), texts.rows, images.rows])
        wanted = lesson < (self._phase.matched or len(ids))
        pairs = hard_negatives.Pairs(*(part[wanted] for part in pairs))
        rows = slice(rank(), None, world())
        judged = self.model.qformer.match(pairs.tokens[rows], pairs.ids[rows], pairs.mask[rows], queries)
        labels = pairs.labels[rows]
        return losses.itm(judged, labels) * (len(labels) * world() / len(pairs.labels))

    def _mirrored(self, pictures: Tensor, drawn: Chance) -> Tensor:
        if not (self._phase.flip and self.training):
            return pictures
        turned = drawn.uniform((len(pictures),), pictures) < 0.5
        return torch.where(turned[:, None, None, None], pictures.flip(-1), pictures)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(number(seed, "noise", 0))


def _chance(lessons: Sequence[Any], seed: int) -> Chance:
    return Chance(_generator(seed), share(len(lessons)), len(lessons))


def _share(rows: Any) -> Any:
    """Return this process's rows of a batch."""
    mine = share(len(rows))
    return rows[mine.start : mine.stop]


def _evenly(rows: Sequence[int], most: int | None) -> list[int]:
    """Take at most so many rows, at even distances."""
    if most is None or len(rows) <= most:
        return list(rows)
    return [rows[at * len(rows) // most] for at in range(most)]


def _over_tokens(answers: Answers) -> Tensor:
    """Return the loss of answers, weighed so that the average over processes is the mean over all tokens."""
    own = (answers.labels[:, 1:] != losses.IGNORED).sum()
    return losses.answer_loss(answers.logits, answers.labels) * (own * world() / summed(own))


def _same(products: Sequence[str], texts: Sequence[str]) -> Tensor:
    """Mark pairs of one product or of one text, which are no negatives of each other."""
    return hard_negatives.equal(products) | hard_negatives.equal([clean(text) for text in texts])


def _weight(mine: Tensor, every: Tensor) -> Tensor:
    """Weigh a mean over own words so that the average over processes is the mean over all words."""
    return mine * world() / every

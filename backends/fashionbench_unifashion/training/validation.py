"""How good a phase is on the examples that were held out; higher is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench_unifashion.losses import losses
from fashionbench_unifashion.training.batch_sampler import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench_unifashion.training.examples import PairReference, TrainingExamples, TripletReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.objective import Objective
    from fashionbench_unifashion.training.recipe import PhaseConfig

#: At most so many held-out examples are looked at.
PAIRS, LOSS_EXAMPLES, BATCH = 1024, 128, 32
CUTS = (1, 5, 10)


@torch.no_grad()
def measure(
    objective: Objective, phase: PhaseConfig, examples: TrainingExamples, feature_cache: ImageFeatureCache, seed: int
) -> dict[str, float]:
    """Measure a phase; ``score`` is what checkpoints are compared by.

    Contrasts are measured by recall within the held-out examples, the rest by the negative of their loss, with the same
    random choices each time.
    """
    objective.eval()
    try:
        if phase.kind == "contrastive":
            return _pairs(objective, examples.held_pairs[:PAIRS], feature_cache)
        if phase.kind == "composed":
            return _triplets(objective, examples.held_triplets[:PAIRS], feature_cache)
        chosen: Sequence[Any] = examples.held_tryon_examples if phase.kind == "try_on" else examples.held_pairs
        if phase.kind == "vae":
            chosen = examples.held_tryon_examples or examples.held_pairs
        return _loss(objective, chosen[:LOSS_EXAMPLES], seed)
    finally:
        objective.train()


def _pairs(objective: Objective, held: Sequence[PairReference], feature_cache: ImageFeatureCache) -> dict[str, float]:
    model = objective.model
    first: dict[str, PairReference] = {}
    for example in held:
        first.setdefault(example.product, example)
    chosen = list(first.values())
    images, texts = [], []
    for part in _parts(chosen, BATCH):
        images.append(model.qformer.image_features(feature_cache.tokens([x.image for x in part]), "reference"))
        cut = model.texts([example.text for example in part])
        texts.append(model.qformer.text_features(cut.ids, cut.mask))
    scores = losses.similarity(torch.cat(images), torch.cat(texts))
    values = {f"i2t@{k}": recall(scores, k) for k in CUTS} | {f"t2i@{k}": recall(scores.T, k) for k in CUTS}
    return {"score": sum(values.values()) / len(values), **values}


def _triplets(
    objective: Objective, held: Sequence[TripletReference], feature_cache: ImageFeatureCache
) -> dict[str, float]:
    model = objective.model
    names = list(dict.fromkeys(name for x in held for name in (x.target, x.reference)))
    place = {name: at for at, name in enumerate(names)}
    gallery = torch.cat(
        [model.qformer.image_features(feature_cache.tokens(part), "target") for part in _parts(names, BATCH)]
    )
    asked = []
    for part in _parts(held, BATCH):
        cut = model.texts([example.text for example in part])
        asked.append(
            model.qformer.composed_features(feature_cache.tokens([x.reference for x in part]), cut.ids, cut.mask)
        )
    scores = losses.similarity(gallery, torch.cat(asked)).T
    _finite(scores)
    own = scores[torch.arange(len(held)), torch.tensor([place[example.target] for example in held])]
    ranks = (scores > own[:, None]).sum(dim=1)
    values = {f"cir@{k}": float((ranks < k).float().mean()) for k in (10, 50)}
    return {"score": float((1.0 / (ranks + 1)).mean()), **values}


def _loss(objective: Objective, held: Sequence[Any], seed: int) -> dict[str, float]:
    totals: dict[str, list[float]] = {}
    for at, part in enumerate(_parts(held, BATCH)):
        for name, value in objective(part, number(seed, "held-out", at)).items():
            totals.setdefault(name, []).append(float(value) * len(part))
    means = {f"held {name}": sum(values) / len(held) for name, values in totals.items()}
    return {"score": -sum(means.values()), **means}


def recall(scores: Tensor, k: int) -> float:
    """Return the share of rows whose diagonal entry is among the k highest; an equal score counts against it.

    :raises BackendError: where a score is not finite.
    """
    _finite(scores)
    ranks = (scores >= scores.diagonal()[:, None]).sum(dim=1)
    return float((ranks <= k).float().mean())


def _finite(scores: Tensor) -> None:
    if not bool(scores.isfinite().all()):
        raise BackendError("held-out similarities are not finite", remedy="lower the learning rate")


def linear_cka(one: Tensor, two: Tensor) -> float:
    """Return the linear centred kernel alignment of two sets of features of the same items, in [0, 1].

    ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F) of centred X [N, D] and Y [N, E] (Kornblith et al., ICML 2019, equation
    2 with linear kernels). It is 0 where one of them is the same for all items.
    """
    left, right = one.double() - one.double().mean(0), two.double() - two.double().mean(0)
    shared = (right.T @ left).square().sum()
    return float(shared / ((left.T @ left).norm() * (right.T @ right).norm()).clamp(min=1e-30))


class Dynamics:
    """How the Q-Former's output drifts from what the generators were trained on (the paper's break conditions).

    The items are held-out composed queries. ``cka language``: linear CKA of the adapted output with the language
    model's own mean embedding of the target's caption; ``cka diffusion``: with the latent of the target's image;
    ``cosine``: mean cosine of the output to what it was when phase 2 began.
    """

    def __init__(
        self, objective: Objective, held: Sequence[TripletReference], feature_cache: ImageFeatureCache
    ) -> None:
        self._objective = objective
        self._held = [example for example in held if example.caption][:LOSS_EXAMPLES] or list(held[:LOSS_EXAMPLES])
        self._feature_cache = feature_cache
        self._first: Tensor | None = None

    def begin(self) -> None:
        """Remember what the output is now, where a training that goes on begins from its checkpoint afterwards."""
        self._first = self._states()

    @torch.no_grad()
    def __call__(self) -> Mapping[str, float]:
        """Measure."""
        model = self._objective.model
        now = self._states()
        if self._first is None:
            self._first = now
        self._objective.eval()
        found = {"cosine": float(functional.cosine_similarity(now, self._first, dim=-1).mean())}
        if model.language is not None:
            spoken = model.language.mean_embeddings([example.caption for example in self._held])
            found["cka language"] = linear_cka(model.prompt_of(now).mean(1), spoken)
        if model.diffusion is not None:
            images = self._feature_cache.images([example.target for example in self._held])
            latents = model.diffusion.vae.encode(images).flatten(1)
            found["cka diffusion"] = linear_cka(model.condition_of(now).mean(1), latents)
        self._objective.train()
        return found

    @torch.no_grad()
    def _states(self) -> Tensor:
        model = self._objective.model
        self._objective.eval()
        states = []
        for part in _parts(self._held, BATCH):
            cut = model.texts([example.text for example in part])
            tokens = self._feature_cache.tokens([example.reference for example in part])
            states.append(model.qformer.fused(tokens, cut.ids, cut.mask, "reference").queries)
        self._objective.train()
        return torch.cat(states)


def _parts(rows: Sequence[Any], size: int) -> list[Any]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]

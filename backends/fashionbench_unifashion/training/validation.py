"""Validation measures on held-out examples; higher is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fashionbench.errors import BackendError
from fashionbench_unifashion.losses import losses
from fashionbench_unifashion.training.batch_sampler import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import PairReference, TripletReference
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache

#: At most so many held-out examples are ranked, and so many are computed at once.
RECALL_EXAMPLES, BATCH = 1024, 32
CUTS = (1, 5, 10)


def pair_recalls(model: UniFashion, held: Sequence[PairReference], cache: ImageFeatureCache) -> dict[str, float]:
    """Measure recall in both directions among the first pairs of each product."""
    first: dict[str, PairReference] = {}
    for example in held:
        first.setdefault(example.product, example)
    images, texts = [], []
    for part in parts(list(first.values()), BATCH):
        images.append(model.qformer.image_features(cache.tokens([x.image for x in part]), "reference"))
        texts.append(model.text_features([example.text for example in part]))
    scores = losses.similarity(torch.cat(images), torch.cat(texts))
    values = {f"i2t@{k}": recall(scores, k) for k in CUTS} | {f"t2i@{k}": recall(scores.T, k) for k in CUTS}
    return {"score": sum(values.values()) / len(values), **values}


def triplet_recalls(model: UniFashion, held: Sequence[TripletReference], cache: ImageFeatureCache) -> dict[str, float]:
    """Measure composed recall among the images of the queries; ``score`` is the mean reciprocal rank."""
    names = list(dict.fromkeys(name for x in held for name in (x.target, x.reference)))
    place = {name: at for at, name in enumerate(names)}
    gallery = torch.cat([model.qformer.image_features(cache.tokens(part), "target") for part in parts(names, BATCH)])
    queries = []
    for part in parts(held, BATCH):
        cut = model.texts([example.text for example in part])
        queries.append(model.qformer.composed_features(cache.tokens([x.reference for x in part]), cut.ids, cut.mask))
    scores = losses.similarity(gallery, torch.cat(queries)).T
    _require_finite(scores)
    right = scores[torch.arange(len(held)), torch.tensor([place[example.target] for example in held])]
    ranks = (scores > right[:, None]).sum(dim=1)
    values = {f"cir@{k}": float((ranks < k).float().mean()) for k in (10, 50)}
    return {"score": float((1.0 / (ranks + 1)).mean()), **values}


def mean_losses(
    loss: Callable[[Sequence[Any], int], Mapping[str, Tensor]], held: Sequence[Any], seed: int
) -> dict[str, float]:
    """Average losses over examples with the same random choices each time; ``score`` is the negative of their sum."""
    totals: dict[str, list[float]] = {}
    for at, part in enumerate(parts(held, BATCH)):
        for name, value in loss(part, number(seed, "held-out", at)).items():
            totals.setdefault(name, []).append(float(value) * len(part))
    means = {f"held {name}": sum(values) / len(held) for name, values in totals.items()}
    return {"score": -sum(means.values()), **means}


def recall(scores: Tensor, k: int) -> float:
    """Return the share of rows whose diagonal entry is among the k highest; an equal score counts against it.

    :raises BackendError: where a score is not finite.
    """
    _require_finite(scores)
    ranks = (scores >= scores.diagonal()[:, None]).sum(dim=1)
    return float((ranks <= k).float().mean())


def parts(rows: Sequence[Any], size: int) -> list[Any]:
    """Cut rows into parts of at most ``size``."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def _require_finite(scores: Tensor) -> None:
    if not bool(scores.isfinite().all()):
        raise BackendError("held-out similarities are not finite", remedy="lower the learning rate")

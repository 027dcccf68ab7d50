"""Two linear maps into one space, trained by contrast on frozen features.

The recipe is that of locked-image tuning (Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text Tuning", CVPR
2022, arXiv 2111.07991) with both encoders locked: only the projections learn, by symmetric InfoNCE (van den Oord et
al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4) with a learnt temperature, bounded
as in CLIP (Radford et al., ICML 2021, section 2.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench_baselines.options import require

if TYPE_CHECKING:
    from collections.abc import Sequence

#: CLIP's bound on the scale of the logits, which keeps the training stable.
_LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the maps are trained; every field is an option of ``baseline/pocket-lit``.

    The defaults were chosen by learning from the emoji clothing of one artist and searching that of another. One recipe
    serves all three artists, so that the drawings of each had a part in choosing it.

    :param dimension: of the joint space.
    :param steps: of AdamW.
    :param batch_size: pairs a step, drawn without replacement; all pairs in every step where there are no more.
    :param learning_rate: constant.
    :param weight_decay: of the maps, not of the temperature.
    :param temperature: the first one; it is learnt.
    """

    dimension: int = 256
    steps: int = 100
    batch_size: int = 512
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    temperature: float = 0.2

    def __post_init__(self) -> None:
        require(self.dimension >= 1, "dimension", self.dimension, "at least 1")
        require(self.steps >= 1, "steps", self.steps, "at least 1")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2")
        require(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or above")
        lowest = 1 / _LARGEST_SCALE
        require(lowest <= self.temperature < math.inf, "temperature", self.temperature, f"at least {lowest}")


def info_nce(images: Tensor, texts: Tensor, products: Tensor, scale: Tensor | float) -> Tensor:
    """Average the InfoNCE losses of image to text and text to image.

    Pairs of one product are no negatives of each other: a pair's own partner is its one positive, and the others of its
    product are left out of the denominator. (To take them as further positives would put a floor of log n under the
    loss; on held-out drawings neither did better.)

    :param images: [B, D] of norm 1; row i belongs to row i of ``texts``.
    :param texts: [B, D] of norm 1.
    :param products: [B], equal where two pairs show one product.
    :param scale: the inverse temperature.
    """
    logits = scale * images @ texts.T
    own = torch.eye(len(products), dtype=torch.bool)
    logits = logits.masked_fill((products[:, None] == products) & ~own, -math.inf)
    target = torch.arange(len(products))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def align(images: Tensor, texts: Tensor, products: Sequence[str], recipe: Recipe, seed: int) -> tuple[Tensor, Tensor]:
    """Train the maps, as [image features, dimension] and [text features, dimension].

    Training runs on the CPU: it is short, and there its result is a function of data, recipe, seed and thread count.

    :param images: [N, image features]; row i belongs to row i of ``texts``.
    :param products: of each pair; at least two differ.
    :raises BackendError: where there is nothing to tell apart, or the training diverged.
    """
    number = {product: index for index, product in enumerate(dict.fromkeys(products))}
    if len(number) < 2:
        msg = f"the {len(products)} training pairs show {len(number)} product(s), so that there are no negatives"
        raise BackendError(msg, remedy="use a task whose training part has pairs of several products")
    labels = torch.tensor([number[product] for product in products])
    random = torch.Generator().manual_seed(seed)
    image_map, text_map = (_start(side.shape[1], recipe.dimension, random) for side in (images, texts))
    log_scale = torch.tensor(-math.log(recipe.temperature), requires_grad=True)
    optimiser = torch.optim.AdamW(
        [
            {"params": [image_map, text_map], "weight_decay": recipe.weight_decay},
            {"params": [log_scale], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )
    for _ in range(recipe.steps):
        chosen = _batch(len(labels), recipe.batch_size, random)
        left = functional.normalize(images[chosen] @ image_map, dim=1)
        right = functional.normalize(texts[chosen] @ text_map, dim=1)
        loss = info_nce(left, right, labels[chosen], log_scale.exp())
        if not torch.isfinite(loss):
            raise BackendError("the training of the maps diverged", remedy="lower the option learning_rate")
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        with torch.no_grad():
            log_scale.clamp_(max=math.log(_LARGEST_SCALE))
    return image_map.detach(), text_map.detach()


def _start(inputs: int, outputs: int, random: torch.Generator) -> Tensor:
    return (torch.randn(inputs, outputs, generator=random) / math.sqrt(inputs)).requires_grad_()


def _batch(count: int, size: int, random: torch.Generator) -> Tensor:
    return torch.arange(count) if count <= size else torch.randperm(count, generator=random)[:size]

"""Contrastive training of two linear maps from frozen features into one space.

The recipe is that of locked-image tuning (Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text Tuning", CVPR
2022, arXiv 2111.07991) with both encoders locked: only the projections learn, by symmetric InfoNCE (van den Oord et
al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4) with a learnt temperature, bounded
as in CLIP (Radford et al., ICML 2021, section 2.5).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench_baselines.encoders.threads import one_thread
from fashionbench_baselines.retrieval.options import LARGEST_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_baselines.retrieval.options import LitOptions


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
    partner = torch.eye(len(products), dtype=torch.bool)
    logits = logits.masked_fill((products[:, None] == products) & ~partner, -math.inf)
    target = torch.arange(len(products))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def align(
    images: Tensor, texts: Tensor, products: Sequence[str], options: LitOptions, seed: int
) -> tuple[Tensor, Tensor]:
    """Train the maps, as [image features, dimension] and [text features, dimension].

    Training runs on one thread of the CPU: it is short, so that threads would wait for each other more than they
    compute, and its result is a function of data, options and seed.

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
    image_map, text_map = (_start(side.shape[1], options.dimension, random) for side in (images, texts))
    log_scale = torch.tensor(-math.log(options.temperature), requires_grad=True)
    optimiser = torch.optim.AdamW(
        [
            {"params": [image_map, text_map], "weight_decay": options.weight_decay},
            {"params": [log_scale], "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    with one_thread():
        for _ in range(options.steps):
            chosen = _batch(len(labels), options.batch_size, random)
            left = functional.normalize(images[chosen] @ image_map, dim=1)
            right = functional.normalize(texts[chosen] @ text_map, dim=1)
            loss = info_nce(left, right, labels[chosen], log_scale.exp())
            if not torch.isfinite(loss):
                raise BackendError("the training of the maps diverged", remedy="lower the option learning_rate")
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            with torch.no_grad():
                log_scale.clamp_(max=math.log(LARGEST_SCALE))
    return image_map.detach(), text_map.detach()


def _start(inputs: int, outputs: int, random: torch.Generator) -> Tensor:
    return (torch.randn(inputs, outputs, generator=random) / math.sqrt(inputs)).requires_grad_()


def _batch(count: int, size: int, random: torch.Generator) -> Tensor:
    return torch.arange(count) if count <= size else torch.randperm(count, generator=random)[:size]

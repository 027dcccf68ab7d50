"""The training loop within a budget of steps or seconds, and the contrastive loss of CLIP."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from fashionbench_models.training.recipe import Budget


def optimise(
    parameters: Iterable[Tensor],
    count: int,
    loss_of: Callable[[Tensor], Tensor],
    recipe: Budget,
    advance: Callable[[int], None],
) -> int:
    """Take steps of AdamW on batches of row numbers; the rate rises for a tenth of the steps and falls as a cosine.

    :param count: of rows; all of them make a batch where there are no more.
    :param loss_of: the loss of a batch.
    :returns: how many steps were taken.
    :raises BackendError: where the loss is no number.
    """
    trained = list(parameters)
    optimiser = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    warmup = max(1, recipe.steps // 10)

    def rate(step: int) -> float:
        return min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / recipe.steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    random = torch.Generator().manual_seed(recipe.seed)
    before, steps = time.monotonic(), 0
    while steps < recipe.steps and not (recipe.seconds and time.monotonic() - before >= recipe.seconds):
        loss = loss_of(torch.randperm(count, generator=random)[: recipe.batch_size])
        if not torch.isfinite(loss):
            raise BackendError(f"the training diverged at step {steps + 1}", remedy="lower learning_rate")
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        steps += 1
        advance(1)
    return steps


def contrastive(left: Tensor, right: Tensor, products: Tensor, scale: Tensor | float) -> Tensor:
    """Average the cross-entropies of rows and columns (Radford et al., ICML 2021, figure 3).

    Rows of one product are no negatives of each other.

    :param left: [B, D]; row i belongs to row i of ``right``. Neither needs norm 1.
    :param products: [B].
    :param scale: the inverse temperature.
    """
    logits = scale * functional.normalize(left, dim=1) @ functional.normalize(right, dim=1).T
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    same = (products[:, None] == products).to(logits.device)
    logits = logits.masked_fill(same & ~own, -math.inf)
    target = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def recall(queries: Tensor, candidates: Tensor, k: int = 10) -> float:
    """Return the share of rows whose own candidate is among the first ``k``, in percent; ties count as better."""
    scores = functional.normalize(queries, dim=1) @ functional.normalize(candidates, dim=1).T
    better = (scores >= scores.diagonal()[:, None]).sum(dim=1) - 1
    return float((better < k).double().mean() * 100)

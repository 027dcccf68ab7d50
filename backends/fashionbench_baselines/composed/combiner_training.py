"""Training of the Combiner on triplets of frozen features: ridge regression of the texts, then InfoNCE."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench.seeding import seed_of
from fashionbench_baselines.composed.combiner_network import Combiner
from fashionbench_baselines.encoders.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench_baselines.composed.options import CombinerOptions

    Floats = NDArray[np.float64]

#: Parts of the training triplets; the text features of each are predicted by what was learnt of the others.
PARTS = 5


@dataclass(frozen=True, slots=True)
class Triplets:
    """Frozen features of training triplets, row by row.

    :param references: [N, D] of norm 1.
    :param texts: [N, K].
    :param targets: [N, D] of norm 1.
    :param names: of the target images; triplets of one target are no negatives of each other.
    """

    references: Floats
    texts: Floats
    targets: Floats
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a training learnt.

    :param text_map: [K, D], from the features of a text to the difference of target and reference.
    :param steps: how many were taken, fewer than asked for where the seconds were spent before.
    """

    text_map: Floats
    network: Combiner
    steps: int


def train(
    triplets: Triplets, options: CombinerOptions, seed: int, advance: Callable[[int], None] = lambda _: None
) -> Learnt:
    """Train a Combiner, on one thread of the CPU, so that its weights follow from data, options and seed.

    The Combiner learns from text features that ridge regression did not fit: those of each fifth of the targets are
    predicted from the other four. Of features that were fitted to their own targets it would learn to copy them.

    :param advance: told of each step.
    :raises BackendError: where there is nothing to tell apart, or the training diverged.
    """
    number = {name: at for at, name in enumerate(dict.fromkeys(triplets.names))}
    labels = torch.tensor([number[name] for name in triplets.names])
    if len(number) < 2:
        msg = f"the {len(labels)} training triplets have {len(number)} target(s), so that there are no negatives"
        raise BackendError(msg, remedy="use a task whose training triplets have several targets")
    images, targets = (torch.from_numpy(side.astype(np.float32)) for side in (triplets.references, triplets.targets))
    texts = torch.from_numpy(unseen_texts(triplets, options.ridge).astype(np.float32))
    random = torch.Generator().manual_seed(seed)
    before, steps = time.monotonic(), 0
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)  # of first weights and dropout, which take no generator
        network = Combiner(images.shape[1], options.projection, options.hidden, options.dropout).train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
        while steps < options.steps and not (options.seconds and time.monotonic() - before >= options.seconds):
            chosen = torch.randperm(len(labels), generator=random)[: options.batch_size]
            queries = network(images[chosen], texts[chosen])
            loss = target_loss(queries, targets[chosen], labels[chosen], options.temperature)
            if not torch.isfinite(loss):
                raise BackendError("the training of the Combiner diverged", remedy="lower the option learning_rate")
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            steps += 1
            advance(1)
    return Learnt(fit_texts(triplets, np.arange(len(labels)), options.ridge), network.eval(), steps)


def fit_texts(triplets: Triplets, rows: NDArray[np.intp], ridge: float) -> Floats:
    """Regress the difference of target and reference on the text, in closed form, as [K, D].

    :param ridge: the weight of the penalty, in units of the mean squared norm of the texts.
    """
    known = triplets.texts[rows]
    gram = known.T @ known
    gram[np.diag_indices_from(gram)] += ridge * len(known) / known.shape[1]
    differences = triplets.targets[rows] - triplets.references[rows]
    return np.asarray(np.linalg.solve(gram, known.T @ differences), dtype=np.float64)


def unseen_texts(triplets: Triplets, ridge: float) -> Floats:
    """Predict the text features of each part of the targets from the other parts."""
    part = np.array([seed_of("combiner", name) % PARTS for name in triplets.names])
    features = np.zeros_like(triplets.targets)
    for held in range(PARTS):
        rows = np.flatnonzero(part == held)
        others = np.flatnonzero(part != held)
        if len(rows) and len(others):
            features[rows] = triplets.texts[rows] @ fit_texts(triplets, others, ridge)
    return features


def target_loss(queries: Tensor, targets: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Average the InfoNCE loss of queries to targets, without the other triplets of a query's own target."""
    logits = queries @ targets.T / temperature
    own = torch.eye(len(labels), dtype=torch.bool)
    logits = logits.masked_fill((labels[:, None] == labels) & ~own, -math.inf)
    return functional.cross_entropy(logits, torch.arange(len(labels)))

"""The losses of UniFashion, one function each; equations are those of arXiv 2408.11305.

Every loss is a scalar, the mean over what it judges. A loss that has nothing to judge is an error, not zero.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench.records.base import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What is left out of a mean over word pieces.
IGNORED = -100


class LossWeights(Model):
    """What each part counts for in the total; the paper writes plain sums (equations 5, 8, 10 and 13)."""

    itc: float = Field(default=1.0, ge=0)
    """Image-text contrast (equation 3); in composed retrieval, of e_cls with the target image."""
    caption: float = Field(default=1.0, ge=0)
    """Contrast of e_cls with the target's caption (second term of equation 10)."""
    itm: float = Field(default=1.0, ge=0)
    """Image-text matching (equation 4)."""
    itg: float = Field(default=1.0, ge=0)
    """Text generation by the Q-Former's own head, which BLIP-2 trains with."""
    answer: float = Field(default=1.0, ge=0)
    """Text generation by the language model (equation 6)."""
    q2i: float = Field(default=1.0, ge=0)
    """Image generation by the diffusion model (equations 7, 11 and 12)."""
    reconstruction: float = Field(default=1.0, ge=0)
    """What the VAE of a small preset loses of an image; the paper's comes trained."""


def similarity(images: Tensor, texts: Tensor) -> Tensor:
    """Compare images with texts by the query that fits best, as [I, T] in [-1, 1].

    s(i, j) = max over k of <image i's query k, text j> (BLIP-2, section 3.1).

    :param images: [I, Q, E] of norm 1.
    :param texts: [T, E] of norm 1.
    """
    return torch.einsum("iqe,te->itq", images, texts).amax(dim=-1)


def itc(
    scores: Tensor,
    temperature: Tensor | float,
    *,
    same: Tensor | None = None,
    smoothing: float = 0.0,
    directions: Literal["mean", "sum"] = "mean",
    shared_targets: bool = False,
) -> Tensor:
    """Contrast each row with the other rows of the batch, both ways (equation 3, symmetric as equation 5 says).

    :param scores: similarities [B, B]; pairs that belong together lie on the diagonal.
    :param temperature: divides the scores; the paper's λ is its inverse.
    :param same: [B, B] booleans; where true off the diagonal, the two pairs show one product or have one caption, and
        are no negatives of each other: they leave the denominator.
    :param smoothing: the share of the label that is spread over what is in the denominator; BLIP-2 takes 0.1, the
        released code 0.
    :param directions: ``mean`` of the two directions as in BLIP-2, or their ``sum`` as in the released code.
    :param shared_targets: keep the pairs of ``same`` in the denominator and spread the label evenly over them.
    :raises BackendError: where the batch has no negatives.
    """
    count = len(scores)
    if scores.shape != (count, count):
        raise BackendError(f"similarities of shape {list(scores.shape)} have no diagonal of pairs")
    diagonal = torch.eye(count, dtype=torch.bool, device=scores.device)
    counted = torch.ones_like(diagonal) if same is None else diagonal | ~same
    if count < 2 or not bool((counted & ~diagonal).any()):
        msg = f"none of the {count} pairs has a negative: all show one product or have one caption"
        raise BackendError(msg, remedy="use larger batches, drawn over products")
    logits = scores / temperature
    if shared_targets and same is not None:
        targets = (diagonal | same).float()
        both = _shared(logits, targets, smoothing) + _shared(logits.T, targets.T, smoothing)
    else:
        both = _contrast(logits, counted, smoothing) + _contrast(logits.T, counted.T, smoothing)
    return both / 2 if directions == "mean" else both


def itm(logits: Tensor, labels: Tensor) -> Tensor:
    """Tell pairs that belong together from pairs that do not, by 2-way cross-entropy (equation 4 in BLIP-2's form).

    The paper prints equation 4 as a contrast and describes it as binary; its code, as BLIP-2's, classifies B pairs,
    B with a hard negative image and B with a hard negative text.

    :param logits: [N, 2] of no and yes.
    :param labels: [N], 1 where image and text belong together.
    :raises BackendError: where there are no pairs.
    """
    if not len(labels):
        raise BackendError("there are no pairs to match")
    return functional.cross_entropy(logits, labels.long())


def itg(logits: Tensor, ids: Tensor, mask: Tensor, smoothing: float = 0.1) -> Tensor:
    """Predict each next word piece (text generation of BLIP-2, section 3.1; L_ITG with the Q-Former's own head).

    :param logits: [B, L, V]; those at position l are of piece l + 1.
    :param ids: [B, L].
    :param mask: [B, L], 1 at word pieces and 0 at padding, which is not counted.
    :param smoothing: the share of the label that is spread over the vocabulary.
    :raises BackendError: where no text has a second word piece.
    """
    return _next(logits, ids.masked_fill(mask == 0, IGNORED), smoothing)


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Predict each next token of the answers by the language model (equation 6).

    :param logits: [B, L, V]; those at position l are of token l + 1.
    :param labels: [B, L], the tokens of the answers, and -100 at queries, instruction and padding.
    :raises BackendError: where there is no answer to predict.
    """
    return _next(logits, labels, 0.0)


def total(parts: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """Add up the parts of a phase: equation 8 (itc, itm, answer, q2i) or 13 (those of equation 10, answer, q2i).

    :param parts: losses by the names of :class:`LossWeights`; a phase without a part leaves it out.
    :raises BackendError: on a name that has no weight, or a loss that is not finite.
    """
    known = weights.model_dump()
    unknown = sorted(parts.keys() - known.keys())
    if unknown or not parts:
        raise BackendError(f"the losses {unknown} have no weight", remedy=f"the losses are {', '.join(known)}")
    bad = {name: value.item() for name, value in parts.items() if not torch.isfinite(value)}
    if bad:
        raise BackendError(f"the training diverged: {bad}", remedy="lower the learning rate")
    return torch.stack([known[name] * value for name, value in parts.items()]).sum()


def _contrast(logits: Tensor, counted: Tensor, smoothing: float) -> Tensor:
    shares = logits.masked_fill(~counted, -math.inf).log_softmax(dim=1)
    loss = -shares.diagonal()
    if smoothing:
        # Not torch's own smoothing, which multiplies what was left out, minus infinity, by the share that it is given.
        spread = -(shares.masked_fill(~counted, 0.0).sum(dim=1) / counted.sum(dim=1))
        loss = (1 - smoothing) * loss + smoothing * spread
    return loss.mean()


def _shared(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return functional.cross_entropy(logits, targets / targets.sum(dim=1, keepdim=True), label_smoothing=smoothing)


def _next(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    wanted = labels[:, 1:].flatten()
    if not bool((wanted != IGNORED).any()):
        raise BackendError("no text has a word piece to predict", remedy="leave empty texts out of training")
    return functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), wanted, ignore_index=IGNORED, label_smoothing=smoothing
    )

"""Hard negatives: wrong partners that the model takes for right ones (BLIP-2, section 3.1, after ALBEF)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Drawn(NamedTuple):
    """A wrong partner of each row."""

    rows: Tensor
    """[D], the rows that have one, in order."""
    partners: Tensor
    """[D], the partner of each of them."""
    without: tuple[int, ...]
    """The rows that have none: all others show the same product or have the same caption."""


class Pairs(NamedTuple):
    """Images and texts side by side, right and wrong, by their rows in a batch."""

    images: Tensor
    """[N], the row of each image."""
    texts: Tensor
    """[N], the row of each text."""
    labels: Tensor
    """[N], 1 where image and text belong together."""


def equal(keys: Sequence[str]) -> Tensor:
    """Mark the pairs with equal keys, such as products or captions, as booleans [B, B]; join several with ``|``."""
    number = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    labels = torch.tensor([number[key] for key in keys], dtype=torch.long)
    return labels[:, None] == labels[None, :]


def draw(
    logits: Tensor,
    random: torch.Generator,
    *,
    same: Tensor | None = None,
    how: Literal["multinomial", "argmax"] = "multinomial",
) -> Drawn:
    """Choose a wrong column for each row.

    A column is drawn with its share of the softmax over the columns that are no partners of the row. The draw is made
    on the CPU in double precision, so that a seed means one draw on every device.

    :param logits: [B, B], similarities divided by the temperature; the partners lie on the diagonal.
    :param random: a generator on the CPU.
    :param same: [B, B] booleans of further partners, which are never drawn.
    :param how: ``argmax`` takes the most similar column instead, as the released code does.
    :raises BackendError: where a similarity is not finite.
    """
    scores = logits.detach().cpu().double()
    if not bool(torch.isfinite(scores).all()):
        row = int((~torch.isfinite(scores)).nonzero()[0, 0])
        raise BackendError(f"the similarities of row {row} are not finite", remedy="lower the learning rate")
    partners = torch.eye(len(scores), dtype=torch.bool)
    if same is not None:
        partners |= same.cpu()
    able = ~partners.all(dim=1)
    rows = able.nonzero().flatten()
    open_scores = scores.masked_fill(partners, -math.inf)[rows]
    if how == "argmax" or not len(rows):
        chosen = open_scores.argmax(dim=1) if len(rows) else rows
    else:
        chosen = torch.multinomial(open_scores.softmax(dim=1), 1, generator=random).squeeze(1)
    without = tuple(int(row) for row in (~able).nonzero().flatten())
    return Drawn(rows.to(logits.device), chosen.to(logits.device), without)


def assemble(count: int, texts: Drawn, images: Drawn) -> Pairs:
    """Put up to 3B pairs together: each right one, each image with its wrong text, each text with its wrong image.

    :param count: B, rows of the batch; row i of the images belongs to row i of the texts.
    :param texts: drawn of similarities [images, texts]: a wrong text for each image.
    :param images: drawn of similarities [texts, images]: a wrong image for each text.
    """
    every = torch.arange(count, device=texts.rows.device)
    left = torch.cat([every, texts.rows, images.partners])
    right = torch.cat([every, texts.partners, images.rows])
    labels = torch.cat([torch.ones_like(every), torch.zeros_like(left[count:])])
    return Pairs(left, right, labels)

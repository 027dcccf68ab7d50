"""Attention masks of the Q-Former's four modes.

A mask is added to the attention scores: 0 where a position may look, and the most negative number of its type where it
may not. It is always float and four-dimensional, [B, 1, from, to], because transformers hands such a mask on as it is
to every attention kernel; a boolean one of four dimensions is obeyed by the fused kernel and **added as 0 and 1** by
the plain one, which then masks nothing and says nothing.

======== =================================== ==========================================================
mode     positions                           mask
======== =================================== ==========================================================
image    queries                             queries see queries
text     text                                all see the text, not its padding
fused    queries, then text                  all see the queries and the text, not its padding
itg      queries, then text                  queries see queries; text sees queries and the text up to itself
======== =================================== ==========================================================

Source: Li et al., "BLIP-2" (ICML 2023, arXiv 2301.12597), figure 2; UniFashion, section 3.2, takes them over.
"""

from __future__ import annotations

import torch
from torch import Tensor


def image(queries: int, like: Tensor) -> Tensor:
    """Let queries see each other, as zeros [1, 1, Q, Q].

    :param like: a tensor of the wanted type and device.
    """
    return like.new_zeros(1, 1, queries, queries)


def text(mask: Tensor, like: Tensor) -> Tensor:
    """Let every position see the text without its padding, as [B, 1, L, L].

    :param mask: [B, L], 1 at word pieces and 0 at padding.
    :param like: a tensor of the wanted type and device.
    """
    length = mask.shape[1]
    return _additive(mask.bool()[:, None, None, :].expand(-1, 1, length, -1), like)


def fused(queries: int, mask: Tensor, like: Tensor) -> Tensor:
    """Let queries and text see each other without the padding, as [B, 1, Q + L, Q + L].

    :param mask: [B, L], 1 at word pieces and 0 at padding.
    :param like: a tensor of the wanted type and device.
    """
    whole = torch.cat([mask.new_ones(len(mask), queries), mask], dim=1)
    return text(whole, like)


def itg(queries: int, mask: Tensor, like: Tensor) -> Tensor:
    """Let text see the queries and its own past, and queries only each other, as [B, 1, Q + L, Q + L].

    :param mask: [B, L], 1 at word pieces and 0 at padding.
    :param like: a tensor of the wanted type and device.
    """
    batch, length = mask.shape
    allowed = torch.ones(batch, 1, queries + length, queries + length, dtype=torch.bool, device=mask.device)
    allowed[:, :, :queries, queries:] = False
    past = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    allowed[:, :, queries:, queries:] = past & mask.bool()[:, None, None, :]
    return _additive(allowed, like)


def _additive(allowed: Tensor, like: Tensor) -> Tensor:
    zeros = like.new_zeros(allowed.shape)
    return zeros.masked_fill(~allowed.to(like.device), torch.finfo(like.dtype).min)

"""Hue of training images, turned alike in all images of a try-on example, so that colours are learnt to be copied."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fashionbench_unifashion.diffusion.conditions import Conditions

#: From RGB to luma and the two colour axes of NTSC, about which hue turns; grey stays grey.
_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_FROM_YIQ = torch.linalg.inv(_TO_YIQ)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of each image, float [B, 3, H, W] in [-1, 1], and cut what leaves the range.

    :param turns: of the whole circle, in [0, 1), float [B]; an image that is not turned stays the same bit for bit.
    """
    rows = turns.cpu().nonzero().flatten()
    angle = 2 * math.pi * turns.cpu()[rows]
    turn = torch.zeros(len(rows), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 2, 1] = angle.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    matrices = (_FROM_YIQ @ turn @ _TO_YIQ).to(images)
    rows = rows.to(images.device)
    chosen = images[rows]
    turned = images.clone()
    turned[rows] = torch.bmm(matrices, chosen.flatten(2)).view_as(chosen).clamp(-1, 1)
    return turned


def turn_conditions(conditions: Conditions, turns: Tensor) -> Conditions:
    """Turn the hue of each person and garment, by turns [B]; mask and pose stay as they are."""
    hint = None if conditions.hint is None else turn_hue(conditions.hint, turns)
    warped = None if conditions.warped is None else turn_hue(conditions.warped, turns)
    return replace(conditions, agnostic=turn_hue(conditions.agnostic, turns), hint=hint, warped=warped)

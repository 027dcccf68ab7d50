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


def turn_hue(image: Tensor, turns: float) -> Tensor:
    """Turn the hue of images, float [..., 3, H, W] in [-1, 1], and cut what leaves the range.

    :param turns: of the whole circle, in [0, 1).
    """
    angle = 2 * math.pi * turns
    turn = torch.eye(3)
    turn[1:, 1:] = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = (torch.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ).to(image)
    return torch.einsum("ij,...jhw->...ihw", matrix, image).clamp(-1, 1)


def turn_conditions(conditions: Conditions, turns: float) -> Conditions:
    """Turn the hue of person and garment; mask and pose stay as they are."""
    hint = None if conditions.hint is None else turn_hue(conditions.hint, turns)
    warped = None if conditions.warped is None else turn_hue(conditions.warped, turns)
    return replace(conditions, agnostic=turn_hue(conditions.agnostic, turns), hint=hint, warped=warped)

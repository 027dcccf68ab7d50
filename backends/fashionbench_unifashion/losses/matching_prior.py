"""The loss of image-text matching that says the same of every pair, and what a loss near it means in words."""

from __future__ import annotations

import math

#: The entropy of one matched pair to two mismatched ones: what a classifier pays that knows nothing but how many match.
PRIOR_ENTROPY = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3)
#: So near to it nothing of matching is learnt.
NEAR = 0.02


def at_chance(loss: float) -> bool:
    """Tell whether a loss is that of saying the same of every pair."""
    return abs(loss - PRIOR_ENTROPY) <= NEAR


def in_words(loss: float) -> str:
    """Say what a loss of matching means."""
    if at_chance(loss):
        return (
            f"{loss:.4f} is the loss of saying the same of every pair: {PRIOR_ENTROPY:.4f} is the entropy of one "
            "matched pair to two mismatched ones, so nothing of matching is learnt"
        )
    beside = f"{PRIOR_ENTROPY:.4f}, the entropy of one matched pair to two mismatched ones"
    if loss > PRIOR_ENTROPY:
        return f"{loss:.4f} is worse than {beside}: pairs are judged with more certainty than is right"
    return f"{loss:.4f} is below {beside}: some of matching is learnt"

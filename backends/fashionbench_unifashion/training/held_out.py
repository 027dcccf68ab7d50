"""Which products and garments a training keeps for validation."""

from __future__ import annotations

from fashionbench.seeding import seed_of


def is_held_out(key: str, seed: int, share: float) -> bool:
    """Tell by a hash of its name whether something is held out, so that the answer does not depend on the order.

    :param seed: of the recipe.
    :param share: how much of everything is held out.
    """
    return seed_of(seed, key, bits=64, separator="/") / 2**64 < share

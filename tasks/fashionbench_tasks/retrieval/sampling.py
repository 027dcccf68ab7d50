"""Candidate lists of sampled protocols: drawn from a seed, or cut from the file order, and hashed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def seeded_random(*names: object) -> random.Random:
    """Make a random generator that is the same on every machine for the same names."""
    return random.Random(seed_of(*names, bits=64, separator="\x00"))  # noqa: S311


def draw_queries(products: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Draw products without repetition, all of them where there are fewer."""
    return rng.sample(list(products), min(count, len(products)))


def draw_candidates(
    positive: str, groups: Mapping[str, str], members: Mapping[str, Sequence[str]], count: int, rng: random.Random
) -> tuple[list[str], int]:
    """Draw the candidates of one query: its positive, and negatives of the same group, filled up from other groups.

    :param groups: the group of each item.
    :param members: the items of each group, in a fixed order.
    :param count: the number of candidates, the positive included.
    :returns: the candidates in a random order, and how many negatives came from other groups.
    :raises DataError: where there are not enough items at all.
    """
    same = [item for item in members[groups[positive]] if item != positive]
    negatives = rng.sample(same, min(count - 1, len(same)))
    from_others = count - 1 - len(negatives)
    if from_others:
        others = [item for group, items in sorted(members.items()) if group != groups[positive] for item in items]
        if len(others) < from_others:
            msg = f"a list of {count} candidates needs {count} items, and there are {len(same) + len(others) + 1}"
            raise DataError(msg, remedy="use the full gallery, or a larger data set")
        negatives += rng.sample(others, from_others)
    chosen = [positive, *negatives]
    rng.shuffle(chosen)
    return chosen, from_others


def blocks(items: Sequence[str], size: int) -> tuple[list[list[str]], int]:
    """Cut a sequence into blocks of one size, and say how many items were left over."""
    whole = len(items) // size
    return [list(items[i * size : (i + 1) * size]) for i in range(whole)], len(items) - whole * size


def grouped(groups: Mapping[str, str]) -> dict[str, list[str]]:
    """List the items of each group, in the order of the mapping."""
    members: dict[str, list[str]] = {}
    for item, group in groups.items():
        members.setdefault(group, []).append(item)
    return members

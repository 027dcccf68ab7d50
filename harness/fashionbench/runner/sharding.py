"""Divide the cells of a run, or the runs of a study, into shards of about equal cost, alike on every machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Piece:
    """What one shard does as a whole, such as a cell.

    :param key: names it on every machine.
    :param seconds: about what it takes, without its models.
    :param models: trainings that it depends on, and about what each takes; pieces that share one stay together.
    """

    key: str
    seconds: float
    models: Mapping[str, float] = field(default_factory=dict)


def read_shard(text: str | None) -> tuple[int, int]:
    """Read ``I/N``, the number of a shard, counted from 1, and how many there are; without a text there is one.

    :raises ConfigError: where it is not of that form, or there is no such shard.
    """
    if text is None:
        return 1, 1
    read = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    if read is None:
        raise ConfigError(f"--shard {text!r} is not I/N", remedy="such as --shard 1/4")
    return checked_shard((int(read[1]), int(read[2])))


def checked_shard(shard: tuple[int, int]) -> tuple[int, int]:
    """Return a shard that there is.

    :raises ConfigError: where there is none of that number.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise ConfigError(f"there is no shard {number} of {count}", remedy="count from 1, such as --shard 1/4")
    return shard


def divided(pieces: Sequence[Piece], count: int) -> list[list[int]]:
    """Return the places of the pieces of each shard, in their order.

    Pieces that share a model are one group. The longest group goes first, each to the shard that has least so far, the
    first of equal ones: the longest shard takes at most a third more than that of the best division.
    """
    groups = _groups(pieces)
    costs = [_cost([pieces[at] for at in group]) for group in groups]
    loads = [0.0] * count
    shards: list[list[int]] = [[] for _ in range(count)]
    for at in sorted(range(len(groups)), key=lambda at: (-costs[at], groups[at][0])):
        least = min(range(count), key=lambda shard: (loads[shard], shard))
        loads[least] += costs[at]
        shards[least] += groups[at]
    return [sorted(shard) for shard in shards]


def _groups(pieces: Sequence[Piece]) -> list[list[int]]:
    """Join the pieces that share a model, directly or through others."""
    groups: list[tuple[set[str], list[int]]] = []
    for at, piece in enumerate(pieces):
        models, places = set(piece.models), [at]
        for group in [group for group in groups if group[0] & models]:
            groups.remove(group)
            models |= group[0]
            places += group[1]
        groups.append((models, sorted(places)))
    return sorted(places for _, places in groups)


def _cost(pieces: Sequence[Piece]) -> float:
    models = {name: seconds for piece in pieces for name, seconds in piece.models.items()}
    return sum(piece.seconds for piece in pieces) + sum(models.values())

"""What running a cell takes, as the author of a backend or a trainer declares it."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.errors import PluginError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one cell, or one training, takes of a machine.

    :param cpus: cores that it keeps busy.
    :param gpus: accelerators, or a part of one; it is given them where there are some. Infinity for one that takes all
        that it sees, which executors refuse that show each process some of them.
    :param memory: bytes of main memory; 0 where nobody says.
    :param seconds: about how long it takes, for plans that have no record to go by; no limit, and no promise.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0
    seconds: float = 30

    def __post_init__(self) -> None:
        if min(self.cpus, self.gpus, self.memory, self.seconds) < 0:
            raise PluginError(f"resources below zero are declared: {self}", remedy="declare 0 or more")


#: Of a cell, and of a training, where nobody says more.
CELL, TRAINING = Resources(), Resources(seconds=600)

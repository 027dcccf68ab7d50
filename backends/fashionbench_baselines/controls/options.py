"""Options of the controls."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench_baselines.options import require


@dataclass(frozen=True, slots=True)
class RandomOptions:
    """Options of ``control/random``: the ``dimension`` of its vectors, at least 2."""

    dimension: int = 256

    def __post_init__(self) -> None:
        require(self.dimension >= 2, "dimension", self.dimension, "at least 2")


@dataclass(frozen=True, slots=True)
class ConstantOptions:
    """Options of ``control/constant``: the ``text`` that is its caption of everything."""

    text: str = "a garment"


@dataclass(frozen=True, slots=True)
class OracleOptions:
    """Options of ``control/oracle``: ``memory_mib``, which the vectors of the known items may take in all."""

    memory_mib: int = 1024

    def __post_init__(self) -> None:
        require(self.memory_mib >= 1, "memory_mib", self.memory_mib, "at least 1")

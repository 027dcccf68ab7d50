"""Options of the composed retrieval baselines."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench.errors import UnknownNameError
from fashionbench_baselines.options import require

USES = ("image", "text", "sum")


@dataclass(frozen=True, slots=True)
class RidgeOptions:
    """Options of ``baseline/pocket-sum`` and its controls.

    :param use: what a query is: ``image``, ``text`` or ``sum``.
    :param ridge: the weight of the penalty, in units of the mean squared norm of the texts.
    """

    use: str = "sum"
    ridge: float = 0.1

    def __post_init__(self) -> None:
        if self.use not in USES:
            raise UnknownNameError("use", self.use, USES)
        require(self.ridge > 0, "ridge", self.ridge, "above 0")

"""What a gate says: verdicts of metrics and rules, and the exit code that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "regression", "inconclusive", "cannot judge", "suspicious"]
_JUDGED_BY_A_PERSON = {"cannot judge", "suspicious"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says of one metric of one cell.

    :param detectable: the difference that would have been found with probability 0.8; None where nothing was computed.
    """

    task: str
    backend: str
    metric: str
    slice: str
    outcome: Outcome
    reason: str
    difference: float | None = None
    interval: tuple[float, float] | None = None
    margin: float | None = None
    detectable: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """All verdicts, and the exit code: 0 pass, 1 regression, 3 cannot judge."""

    verdicts: tuple[Verdict, ...]
    inconclusive: Literal["fail", "pass"]

    @property
    def code(self) -> int:
        """The exit code of the command."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        if "regression" in outcomes:
            return 1
        undecided = outcomes & _JUDGED_BY_A_PERSON or ("inconclusive" in outcomes and self.inconclusive == "fail")
        return 3 if undecided or not self.verdicts else 0

"""Whether the rules of a gate's policy have an effect on the records that it judges."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.metrics.scoring import metric_spec
from fashionbench.studies.gate_verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.studies.gate_policy import GatePolicy


def check_margins(records: Sequence[Record], policy: GatePolicy, plugins: Plugins) -> list[Verdict]:
    """Check that each margin is one of a metric that the records have, and that a loss can be greater than it.

    :param records: those of the baseline that the policy covers.
    :return: a verdict that it cannot be judged for each margin of a metric that none of the records has.
    :raises ConfigError: where no registered metric has the name, or nothing can be worse than a margin.
    """
    units = {part.id: part.unit for record in records for part in record.metrics}
    judged = {name: margin for name in units if (margin := policy.margin(name)) is not None}
    for name, margin in judged.items():
        if units[name] == "fraction" and margin >= 1:
            _refuse(f"the margin of {name} is {margin:g}, and no loss is greater")
    if judged and all(units[name] == "fraction" for name in judged):
        for field, limit in (("slice_margin", policy.slice_margin), ("suspicious", policy.suspicious)):
            if limit is not None and limit >= 1:
                _refuse(f"{field} is {limit:g}, and no difference is greater")
    unused: list[Verdict] = []
    for pattern in policy.margins:
        if any(fnmatchcase(name, pattern) for name in units):
            continue
        if not _registered(pattern, plugins):
            msg = f"margins: no registered metric has the name {pattern!r}"
            raise ConfigError(
                msg, remedy="'fashionbench list metrics' shows all; a pattern such as recall@* fits several"
            )
        reason = f"the margin of {pattern!r} fits no metric of a cell that is judged"
        unused.append(
            Verdict(task="all", backend="all", metric=pattern, slice="all", outcome="cannot judge", reason=reason)
        )
    return unused


def _refuse(what: str) -> None:
    raise ConfigError(what, remedy="margins of fractions are fractions: 0.01 is one point")


def _registered(pattern: str, plugins: Plugins) -> bool:
    """Tell whether a pattern can fit a registered metric, with any cut-off where that has one."""
    stem = pattern.partition("@")[0]
    if any(fnmatchcase(name, pattern) or ("@" in pattern and _same(name, stem)) for name in plugins.metrics.names()):
        return True
    try:
        metric_spec(pattern, plugins.metrics)
    except UnknownNameError:
        return False
    return True


def _same(name: str, stem: str) -> bool:
    before, cut, _ = name.partition("@")
    return bool(cut) and fnmatchcase(before, stem)

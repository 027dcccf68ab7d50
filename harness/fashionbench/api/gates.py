"""Judge a candidate against a baseline, and accept a new baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.plugins.manager import Plugins
from fashionbench.studies import gate as gates
from fashionbench.studies.gate_baseline import GateBaseline, accept, find_records
from fashionbench.studies.gate_policy import GatePolicy, read_policy

if TYPE_CHECKING:
    from fashionbench.studies.gate_verdict import GateResult


def gate(
    baseline: str | Path,
    candidate: str | Path | None,
    policy: str | Path | GatePolicy,
    *,
    plugins: Plugins | None = None,
) -> GateResult:
    """Judge a candidate against a baseline.

    :param baseline: the folder or address of a store, or a YAML file that names a store and ids of its records.
    :param candidate: the same; None judges the baseline against itself, where any difference is a fault.
    :param policy: a YAML file, or a policy.
    :raises ConfigError: where a file is not what it should be, or the policy covers nothing.
    """
    loaded = plugins or Plugins()
    chosen = policy if isinstance(policy, GatePolicy) else read_policy(Path(policy))
    before = find_records(baseline)
    if candidate is None:
        return gates.self_check(before, chosen, loaded)
    return gates.judge(before, find_records(candidate), chosen, loaded)


def accept_baseline(candidate: str | Path, path: str | Path, *, who: str, why: str) -> GateBaseline:
    """Make the records of a candidate the baseline; who and why are kept in the file, with what was before.

    :raises ConfigError: where nobody is named or no reason is given.
    """
    return accept(find_records(candidate), Path(path), who=who, why=why)

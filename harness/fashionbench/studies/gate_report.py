"""The verdicts of a gate as text, Markdown, JSON, and JUnit XML for continuous integration."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fashionbench.control_characters import one_line
from fashionbench.studies.comparison_text import escaped

if TYPE_CHECKING:
    from fashionbench.studies.gate_verdict import GateResult, Outcome, Verdict

_WORDS = {0: "pass", 1: "regression", 3: "cannot be judged"}
_ORDER: tuple[Outcome, ...] = ("regression", "suspicious", "cannot judge", "inconclusive", "pass")


def headline(result: GateResult) -> str:
    """Say in one line how it ended."""
    counts = Counter(verdict.outcome for verdict in result.verdicts)
    listed = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _ORDER if counts[outcome])
    return f"gate: {_WORDS[result.code]} ({listed or 'nothing was judged'})"


def lines(result: GateResult) -> list[str]:
    """Write one line a verdict, the worst first."""
    ranked = sorted(result.verdicts, key=lambda verdict: _ORDER.index(verdict.outcome))
    return [f"{verdict.outcome}: {_subject(verdict)}: {_text(verdict)}" for verdict in ranked]


def markdown(result: GateResult) -> str:
    """Write a table."""
    rows = ["| verdict | task | backend | metric | what |", "| --- | --- | --- | --- | --- |"]
    for verdict in sorted(result.verdicts, key=lambda verdict: _ORDER.index(verdict.outcome)):
        metric = verdict.metric if verdict.slice == "all" else f"{verdict.metric} [{verdict.slice}]"
        cells = (verdict.outcome, verdict.task, verdict.backend, metric, _text(verdict))
        rows.append("| " + " | ".join(map(escaped, cells)) + " |")
    return "\n".join([f"**{headline(result)}**", "", *rows]) + "\n"


def as_json(result: GateResult) -> str:
    """Write everything at full precision."""
    whole = {"code": result.code, "verdicts": [asdict(verdict) for verdict in result.verdicts]}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def junit(result: GateResult) -> str:
    """Write JUnit XML: a regression is a failure, what cannot be judged is an error, a pass is a pass."""
    suite = Element("testsuite", name="fashionbench gate", tests=str(len(result.verdicts)))
    failures = errors = 0
    for verdict in result.verdicts:
        case = SubElement(suite, "testcase", classname=f"{verdict.task}.{verdict.backend}", name=_name(verdict))
        open_ = verdict.outcome == "inconclusive" and result.inconclusive == "fail"
        if verdict.outcome == "regression":
            failures += 1
            SubElement(case, "failure", message=_text(verdict))
        elif verdict.outcome in {"cannot judge", "suspicious"} or open_:
            errors += 1
            SubElement(case, "error", message=_text(verdict), type=verdict.outcome)
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    indent(suite)
    for element in suite.iter():  # XML has no place for control characters
        for name, value in element.attrib.items():
            element.set(name, one_line(value))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _subject(verdict: Verdict) -> str:
    return f"{verdict.task} × {verdict.backend}, {_name(verdict)}"


def _name(verdict: Verdict) -> str:
    return verdict.metric if verdict.slice == "all" else f"{verdict.metric} [{verdict.slice}]"


def _text(verdict: Verdict) -> str:
    parts = [verdict.reason]
    if verdict.difference is not None:
        parts.append(f"difference {verdict.difference:+.4g}")
    if verdict.interval is not None:
        parts.append(f"95 % interval [{verdict.interval[0]:+.4g}, {verdict.interval[1]:+.4g}]")
    if verdict.margin is not None:
        parts.append(f"margin {verdict.margin:.4g}")
    if verdict.detectable is not None:
        parts.append(f"a difference of {verdict.detectable:.4g} would have been found in 80 % of cases")
    return "; ".join(parts)

"""A comparison as Markdown, LaTeX or JSON, and its numbers as people read them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from fashionbench.boards.latex_text import latex_text
from fashionbench.control_characters import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.studies.comparison import Comparison, Difference

HEADS = ("task", "metric", "slice", "n", "baseline", "candidate", "difference", "95 % interval", "p", "won/tied/lost")


def cells(one: Difference) -> tuple[str, ...]:
    """Write one difference in the order of :data:`HEADS`."""
    interval = "–" if one.interval is None else f"[{_signed(one.interval[0], one)}, {_signed(one.interval[1], one)}]"
    counts = "–" if one.wins is None else f"{one.wins}/{one.ties}/{one.losses}"
    seeds = f" ({one.seeds[0]} and {one.seeds[1]} seeds)" if max(one.seeds) > 1 else ""
    arrow = "↑" if one.higher_is_better else "↓"
    return (
        one.task,
        f"{one.metric} {arrow}",
        one.slice,
        f"{one.n}{seeds}",
        _plain(one.baseline, one),
        _plain(one.candidate, one),
        _signed(one.difference, one),
        interval,
        p_text(one.p_value),
        counts,
    )


def p_text(p_value: float | None) -> str:
    """Write a p-value."""
    if p_value is None:
        return "–"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def notes(comparison: Comparison) -> list[str]:
    """Say how the numbers were made, and what is not among them."""
    methods = list(dict.fromkeys(one.method for one in comparison.differences))
    lines = [
        f"Differences are {comparison.candidate} minus {comparison.baseline}; fractions are in per cent.",
        "p-values are two-sided; those of slices are adjusted after Holm.",
        *(f"Method: {method}." for method in methods),
    ]
    return lines + [f"Not compared: {reason}" for reason in comparison.left_out]


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Write comparisons as Markdown tables."""
    parts: list[str] = []
    for comparison in comparisons:
        lines = [f"# {escaped(comparison.candidate)} against {escaped(comparison.baseline)}", ""]
        lines += ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * 3 + " ---: |" * (len(HEADS) - 3)]
        lines += ["| " + " | ".join(map(escaped, cells(one))) + " |" for one in comparison.differences]
        lines += ["", *(f"- {escaped(note)}" for note in notes(comparison))]
        if comparison.flips:
            lines += ["", "| item | slice | metric | baseline | candidate |", "| --- | --- | --- | ---: | ---: |"]
            lines += [
                f"| {escaped(flip.item)} | {escaped(flip.slice)} | {escaped(f'{flip.task} {flip.metric}')} "
                f"| {flip.baseline:.4g} | {flip.candidate:.4g} |"
                for flip in comparison.flips
            ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def latex(comparisons: Sequence[Comparison]) -> str:
    """Write comparisons as a table for the package booktabs."""
    lines = [r"\begin{tabular}{lllrrrrrrr}", r"\toprule", " & ".join(map(latex_text, HEADS)) + r" \\"]
    for comparison in comparisons:
        title = latex_text(f"{comparison.candidate} against {comparison.baseline}")
        lines += [r"\midrule", rf"\multicolumn{{{len(HEADS)}}}{{l}}{{{title}}} \\"]
        lines += [" & ".join(map(latex_text, cells(one))) + r" \\" for one in comparison.differences]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Write comparisons as JSON, at full precision."""
    whole = [
        {
            **asdict(comparison),
            "differences": [{**asdict(d), "difference": d.difference} for d in comparison.differences],
        }
        for comparison in comparisons
    ]
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _plain(value: float, one: Difference) -> str:
    return f"{100 * value:.1f}" if one.unit == "fraction" else f"{value:.4g}"


def _signed(value: float, one: Difference) -> str:
    text = f"{100 * value:+.1f}" if one.unit == "fraction" else f"{value:+.4g}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def escaped(text: str) -> str:
    """Escape a text for a Markdown table."""
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")

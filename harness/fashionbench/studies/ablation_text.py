"""An ablation as Markdown, JSON or HTML, and its numbers as people read them."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fashionbench.control_characters import shown_in_html
from fashionbench.studies.comparison_page import interval_picture
from fashionbench.studies.comparison_text import cells as difference_cells
from fashionbench.studies.comparison_text import escaped

if TYPE_CHECKING:
    from fashionbench.studies.ablation import Ablation, Effect

HEADS = (
    "change",
    "task",
    "metric",
    "n",
    "base",
    "variant",
    "effect",
    "95 % interval",
    "adjusted p",
    "verdict",
    "cost",
)


def cells(effect: Effect, ablation: Ablation) -> tuple[str, ...]:
    """Write one effect in the order of :data:`HEADS`."""
    cost = cost_text(effect.variant.name, ablation)
    if effect.difference is None:
        return (effect.variant.name, effect.task, effect.metric, *["–"] * 6, effect.reason, cost)
    _, metric, _, n, base, new, gain, interval, p_value, _ = difference_cells(effect.difference)
    verdict = effect.verdict or effect.difference.method
    return (effect.variant.name, effect.task, metric, n, base, new, gain, interval, p_value, verdict, cost)


def cost_text(name: str, ablation: Ablation) -> str:
    """Write what a variant took: seconds of evaluation and training, and parameters."""
    cost = ablation.costs.get(name)
    if cost is None:
        return "–"
    parts = [f"{cost.seconds:.0f} s"]
    if cost.training_seconds is not None:
        parts.append(f"+ {cost.training_seconds:.0f} s training")
    if cost.parameters is not None:
        parts.append(f"{cost.parameters / 1e6:.3g} M parameters")
    return ", ".join(parts)


def notes(ablation: Ablation) -> list[str]:
    """Say how the numbers were made, and what is missing."""
    study = ablation.study
    done, all_ = ablation.units
    failed = f", {ablation.failed} failed" if ablation.failed else ""
    systems = {field: getattr(ablation.base, field) for field in ("backend", "options", "trainer", "training")}
    said = ", ".join(f"{name} {value}" for name, value in systems.items() if value)
    lines = [
        f"Base: {said}; {cost_text(ablation.base.name, ablation)}.",
        f"Seeds {', '.join(map(str, study.seeds))}; mode {study.mode}; {done} of {all_} runs are done{failed}.",
        "Effects are variant minus base on the same items; fractions in per cent; intervals over seeds and items.",
        f"p-values are adjusted over the variants of a task and metric: {_adjustments(ablation)}.",
    ]
    if ablation.equal:
        lines.append(f"Not compared, for it is the base: {', '.join(ablation.equal)}.")
    if len(study.seeds) < 3:
        lines.append("Below three seeds no variant is called better or worse.")
    return lines + [f"Failed: {failure}" for failure in ablation.failures]


def _adjustments(ablation: Ablation) -> str:
    """Name each way of adjusting p-values, with the metrics that it was used for where there are several."""
    used: dict[str, dict[str, None]] = {}
    for effect in ablation.effects:
        if effect.adjustment:
            used.setdefault(effect.adjustment, {})[f"{effect.task} {effect.metric}"] = None
    if len(used) < 2:
        return next(iter(used), "there are none")
    return "; ".join(f"{how} ({', '.join(columns)})" for how, columns in used.items())


def markdown(ablation: Ablation) -> str:
    """Write a Markdown table."""
    lines = [f"# {escaped(ablation.study.title or ablation.study.id)}", ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * 3 + " ---: |" * 6 + " --- |" * 2]
    lines += ["| " + " | ".join(map(escaped, cells(effect, ablation))) + " |" for effect in ablation.effects]
    return "\n".join([*lines, "", *(f"- {escaped(note)}" for note in notes(ablation))]) + "\n"


def as_json(ablation: Ablation) -> str:
    """Write everything at full precision."""
    effects = [
        {
            "variant": effect.variant.model_dump(mode="json"),
            "task": effect.task,
            "metric": effect.metric,
            "verdict": effect.verdict,
            "reason": effect.reason,
            "adjustment": effect.adjustment,
            "difference": None
            if effect.difference is None
            else {**asdict(effect.difference), "difference": effect.difference.difference},
        }
        for effect in ablation.effects
    ]
    whole = {
        "study": ablation.study.model_dump(mode="json"),
        "runs": {"done": ablation.units[0], "failed": ablation.failed, "all": ablation.units[1]},
        "effects": effects,
        "costs": {name: asdict(cost) for name, cost in ablation.costs.items()},
        "failures": list(ablation.failures),
        "equal_to_base": list(ablation.equal),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def page(ablation: Ablation) -> str:
    """Write one self-contained HTML page with an interval beside each effect; every text is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=shown_in_html
    )
    template = files("fashionbench.studies").joinpath("ablation.html.j2").read_text(encoding="utf-8")
    differences = [effect.difference for effect in ablation.effects if effect.difference is not None]
    made = environment.from_string(template).render(
        ablation=ablation, heads=HEADS, cells=cells, notes=notes, interval=interval_picture, differences=differences
    )
    return made.rstrip() + "\n"

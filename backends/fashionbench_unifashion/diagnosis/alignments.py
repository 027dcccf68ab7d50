"""How alike the representations of a UniFashion model's parts are, also after each phase: CKA and mutual neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.diagnostics.geometry import unit
from fashionbench.diagnostics.kernel_alignment import linear_cka
from fashionbench.diagnostics.measurement import Curve, Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.neighbours import mutual_neighbours
from fashionbench.diagnostics.resampling import derangement, jackknifed, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside
from fashionbench_unifashion.diagnosis.adapters import ZEROS, is_same
from fashionbench_unifashion.diagnosis.phase_weights import after_each_phase
from fashionbench_unifashion.diagnosis.representations import (
    CONDITION,
    LATENT,
    PROMPT,
    STATES,
    WORDS,
    compact,
    of_both,
    pairs_of,
    represent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.model.unifashion import UniFashion

    Rows = NDArray[np.float64]
    Compare = Callable[[Rows, Rows], float]

#: Items that count as near.
NEAR = 10
_WHO = {
    "language": (PROMPT, WORDS, "language_adapter.", "the language model"),
    "diffusion": (CONDITION, LATENT, "diffusion_adapter.", "the diffusion model"),
}
_MEANINGS = {
    "cka": "linear CKA (Kornblith et al., 2019) of the {one}, mean over queries, with the {two}",
    "neighbours": "share of the nearest items that the {one} and the {two} have in common (Huh et al., 2024)",
}
_TITLES = {"cka": "CKA of adapter output and target of {what}", "neighbours": "Shared neighbours, {what}"}


def measure_alignments(probed: ProbedModel) -> list[Measurement]:
    """Compare what reaches each generator with what the generator speaks."""
    task = pairs_of(probed)
    if task is None:
        return [_absent(kind, who, "fewer than three held-out pairs") for who in _WHO for kind in _MEANINGS]
    pairs = task.held

    def work(model: UniFashion) -> dict[str, Rows]:
        found = represent(model, probed, pairs).mean
        return {name: compact(values) for name, values in found.items()}

    own, before = of_both(probed, work)
    curves = _through_phases(probed, pairs, before)
    made = []
    for who, (one, _, _, what) in _WHO.items():
        for kind in _MEANINGS:
            if one not in own:
                made.append(_absent(kind, who, f"the model has no part before {what}"))
            else:
                made.append(_compared(probed, kind, who, own, before, curves[f"{kind}-{who}"]))
    whole = next((at for at, one in enumerate(made) if one.estimate is not None), None)
    if whole is not None:
        made[whole] = _with_table(made[whole], own)
    return made


def near_of(count: int) -> int:
    """Return how many of so many items count as near."""
    return min(NEAR, max(1, count // 5))


def comparison(kind: str, count: int) -> Compare:
    """Return what compares two representations."""
    if kind == "cka":
        return linear_cka

    def shared(one: Rows, two: Rows) -> float:
        # An inner product means nearness once rows are centred and of one length.
        sides = [unit(values - values.mean(axis=0)) for values in (one, two)]
        return float(mutual_neighbours(sides[0], sides[1], near_of(count)).mean())

    return shared


def _compared(
    probed: ProbedModel,
    kind: str,
    who: str,
    own: dict[str, Rows],
    before: dict[str, Rows] | None,
    points: tuple[tuple[str, float], ...],
) -> Measurement:
    one, two, _, what = _WHO[who]
    count = len(own[one])
    compare = comparison(kind, count)

    def estimated(found: dict[str, Rows]) -> Estimate:
        return jackknifed(lambda kept: compare(found[one][kept], found[two][kept]), count, probed.seed)

    estimate = estimated(own)
    references = (
        Reference(
            "which items belong together",
            shuffled(lambda rng: compare(own[one][derangement(count, rng)], own[two]), count, probed.seed),
        ),
        Reference(probed.untrained_is, None if before is None else estimated(before)),
    )
    if is_same(own[one]):
        said = f"{beside(estimate, *references)}: the adapter gives one output for every image"
        verdict = Verdict("fault", said, ZEROS)
    else:
        verdict = against_references(
            estimate,
            *references,
            higher=True,
            fault=f"adapter to {what} does not fit it",
            failed=f"items that are alike to {what} are not alike behind the adapter",
        )
    return Measurement(
        id=f"{kind}-{who}",
        group="adapters",
        title=_TITLES[kind].format(what=what),
        meaning=_MEANINGS[kind].format(one=one, two=two),
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=verdict,
        curves=(Curve(f"{kind}, {what}", points),) if points else (),
    )


def _through_phases(
    probed: ProbedModel, pairs: Sequence[SampledPair], before: dict[str, Rows] | None
) -> dict[str, tuple[tuple[str, float], ...]]:
    """Compare after each phase; a point is there from the phase on that trained the adapter."""
    points: dict[str, list[tuple[str, float]]] = {f"{kind}-{who}": [] for who in _WHO for kind in _MEANINGS}

    def add(label: str, found: dict[str, Rows], who: str) -> None:
        one, two, _, _ = _WHO[who]
        for kind in _MEANINGS:
            points[f"{kind}-{who}"].append((label, comparison(kind, len(pairs))(found[one], found[two])))

    for who, (one, _, _, _) in _WHO.items():
        if before is not None and one in before:
            add("untrained", before, who)
    for name, model, trained in after_each_phase(probed.folder, probed.device):
        chosen = [who for who, (_, _, prefix, _) in _WHO.items() if any(part.startswith(prefix) for part in trained)]
        if chosen:
            found = {key: compact(values) for key, values in represent(model, probed, pairs).mean.items()}
            for who in chosen:
                add(name, found, who)
    # One point, or the untrained one alone, is no way through phases.
    return {name: tuple(rows) if len(rows) > 1 else () for name, rows in points.items()}


def _with_table(measurement: Measurement, own: dict[str, Rows]) -> Measurement:
    """Add the comparison of every representation with every other one."""
    names = [name for name in (STATES, PROMPT, WORDS, CONDITION, LATENT) if name in own]
    count = len(own[names[0]])
    cka, near = comparison("cka", count), comparison("neighbours", count)
    table = {
        one: {
            two: f"CKA {cka(own[one], own[two]):.2f}, neighbours {near(own[one], own[two]):.2f}" if one != two else "–"
            for two in names
        }
        for one in names
    }
    return replace(measurement, table=table)


def _absent(kind: str, who: str, why: str) -> Measurement:
    one, two, _, what = _WHO[who]
    return absent(
        f"{kind}-{who}",
        "adapters",
        _TITLES[kind].format(what=what),
        _MEANINGS[kind].format(one=one, two=two),
        why,
    )

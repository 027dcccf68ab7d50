"""Learned queries of a UniFashion model as measurements: whether they were trained, and what they are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside
from fashionbench.seeding import seed_of
from fashionbench_unifashion.diagnosis.description import recipe_of
from fashionbench_unifashion.diagnosis.representations import (
    batches,
    image_tokens,
    of_both,
    pairs_of,
    rows,
    trained_model,
)
from fashionbench_unifashion.diagnosis.untrained import new_model
from fashionbench_unifashion.losses import losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.model.unifashion import UniFashion

    Values = NDArray[np.float64]

#: The failure, as it is called here.
FROZEN = "frozen queries"
#: What the values of new queries deviate by.
SPREAD = 0.02
#: Queries that are worth a smaller share of the reciprocal rank are worth little.
SMALL = 0.1
#: So many draws of new queries stand for one.
DRAWS = 3

_MOVED = (
    "Queries moved by training",
    "length of the way from a query's first value to its present one, in lengths of the first; mean over queries",
)
_WORTH = (
    "Worth of the learned queries",
    "reciprocal rank of the right photo, less that with queries drawn anew in their place",
)


def measure_queries(probed: ProbedModel) -> list[Measurement]:
    """Measure how far the queries moved, and what retrieval loses with new ones in their place."""
    return [_moved(probed), _worth(probed)]


def _moved(probed: ProbedModel) -> Measurement:
    recipe = recipe_of(probed.folder)
    settings = recipe.get("model", {})
    why = ""
    if not recipe:
        why = "the recipe of the training is not there, whose seed the first values are drawn from"
    elif settings.get("init_from") or "source" in (settings.get("weights", {}).get("qformer") or {}):
        why = "the Q-Former began with weights of another model"
    if why:
        return absent("queries-moved", "retrieval", *_MOVED, why)
    model = trained_model(probed)
    first = rows(new_model(model, int(recipe.get("seed", 0))).qformer.reference)
    own = rows(model.qformer.reference)

    def way(now: Values) -> Values:
        lengths: Values = np.linalg.norm(now - first, axis=1) / np.linalg.norm(first, axis=1)
        return lengths

    estimate = averaged(way(own), probed.seed)
    rng = np.random.default_rng(probed.seed)
    references = (
        Reference(
            "values of the queries among each other",
            shuffled(lambda r: float(way(r.permutation(own.ravel()).reshape(own.shape)).mean()), len(own), probed.seed),
        ),
        Reference("queries drawn anew with another seed", averaged(way(rng.normal(0, SPREAD, own.shape)), probed.seed)),
    )
    said = beside(estimate, references[0], references[1])
    if estimate.value == 0:
        verdict = Verdict("fault", f"{said}: every query has the value that it began with", FROZEN)
    elif estimate.value < 0.01:
        verdict = Verdict("weak", f"{said}: the queries hardly moved")
    else:
        verdict = Verdict("sound", f"{said}: the queries were trained")
    return _made("queries-moved", _MOVED, estimate, references, verdict)


def _worth(probed: ProbedModel) -> Measurement:
    task = pairs_of(probed)
    if task is None:
        return absent("queries-worth", "retrieval", *_WORTH, "fewer than three held-out pairs")
    (own, learned), before = of_both(probed, lambda model: _gain(model, probed, task.held))
    estimate = averaged(own, probed.seed, bounds=(-1, 1))

    def mixed(rng: np.random.Generator) -> float:
        return float((own * np.where(rng.random(len(own)) < 0.5, -1, 1)).mean())

    references = (
        Reference("which queries are the learned ones, for each text", shuffled(mixed, len(own), probed.seed)),
        Reference(probed.untrained_is, None if before is None else averaged(before[0], probed.seed, bounds=(-1, 1))),
    )
    verdict = against_references(
        estimate,
        *references,
        higher=True,
        fault="queries hold nothing",
        failed="retrieval is as good with new random queries",
    )
    certain = estimate.interval is not None and estimate.interval[0] > 0
    if certain and estimate.value < SMALL * float(learned.mean()):
        words = f"{beside(estimate, *references)}, of {learned.mean():.3g}: nearly as good with new random queries"
        verdict = Verdict("weak", words)
    return _made("queries-worth", _WORTH, estimate, references, verdict)


@torch.inference_mode()
def _gain(model: UniFashion, probed: ProbedModel, pairs: Sequence[SampledPair]) -> tuple[Values, Values]:
    """Return for each text the reciprocal rank with the learned queries, less that with new ones, and the former."""
    tokens = image_tokens(model, probed, pairs)
    cuts = [model.texts([pair.text for pair in part]) for part in batches(pairs)]
    texts = torch.cat([model.qformer.text_features(cut.ids, cut.mask) for cut in cuts])

    def ranks() -> Values:
        images = torch.cat([model.qformer.image_features(part, "reference") for part in batches(tokens)])
        scores = rows(losses.similarity(images, texts)).T
        found: Values = 1.0 / (scores >= scores.diagonal()[:, None]).sum(axis=1)
        return found

    own = ranks()
    learned = model.qformer.reference.detach().clone()
    generator = torch.Generator().manual_seed(seed_of(probed.seed, "queries"))
    others = np.zeros_like(own)
    try:
        for _ in range(DRAWS):
            model.qformer.reference.copy_(SPREAD * torch.randn(learned.shape, generator=generator))
            others += ranks() / DRAWS
    finally:
        model.qformer.reference.copy_(learned)
    return own - others, own


def _made(
    id_: str, described: tuple[str, str], estimate: Estimate, references: tuple[Reference, Reference], verdict: Verdict
) -> Measurement:
    return Measurement(
        id=id_,
        group="retrieval",
        title=described[0],
        meaning=described[1],
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=verdict,
    )

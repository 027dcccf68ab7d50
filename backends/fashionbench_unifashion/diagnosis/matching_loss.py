"""Loss of image-text matching on held-out pairs, beside the entropy of its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from fashionbench.diagnostics.matching import MOST
from fashionbench.diagnostics.measurement import Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, shuffled
from fashionbench_unifashion.diagnosis.representations import batches, image_tokens, of_both, pairs_of, rows
from fashionbench_unifashion.losses import losses, matching_prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.model.unifashion import UniFashion

    Values = NDArray[np.float64]

_TITLE = "Loss of matching"
_MEANING = (
    "cross-entropy of one matched pair to a hard mismatched text and a hard mismatched photo, as in training; to say "
    f"the same of every pair costs {matching_prior.PRIOR_ENTROPY:.4f}"
)


def measure_matching_loss(probed: ProbedModel) -> list[Measurement]:
    """Measure the loss of matching on held-out pairs with hard negatives."""
    task = pairs_of(probed)
    if task is None:
        return [absent("matching-loss", "matching", _TITLE, _MEANING, "fewer than three held-out pairs")]
    pairs = task.held[:MOST]
    own, before = of_both(probed, lambda model: _odds(model, probed, pairs))
    first = np.zeros(len(pairs), dtype=np.int64)
    estimate = averaged(_losses(own, first), probed.seed)

    def mixed(rng: np.random.Generator) -> float:
        return float(_losses(own, rng.integers(0, 3, len(pairs))).mean())

    chance = Reference("which of the three pairs is the matched one", shuffled(mixed, len(pairs), probed.seed))
    untrained = Reference(
        probed.untrained_is, None if before is None else averaged(_losses(before, first), probed.seed)
    )
    words = matching_prior.in_words(estimate.value)
    if matching_prior.at_chance(estimate.value):
        verdict = Verdict("fault", words, "matching at chance")
    else:
        verdict = Verdict("weak" if estimate.value > matching_prior.PRIOR_ENTROPY else "sound", words)
    return [
        Measurement(
            id="matching-loss",
            group="matching",
            title=_TITLE,
            meaning=_MEANING,
            estimate=estimate,
            shuffled=chance,
            untrained=untrained,
            verdict=verdict,
            unit="nats",
        )
    ]


def _losses(odds: Values, matched: NDArray[np.int64]) -> Values:
    """Return the mean cross-entropy of three pairs, [N], where ``matched`` says which of them is the matched one.

    :param odds: log-odds [N, 3] that a pair is matched.
    """
    signs = np.where(np.arange(3)[None] == matched[:, None], -1.0, 1.0)
    values: Values = np.logaddexp(0.0, signs * odds).mean(axis=1)
    return values


@torch.inference_mode()
def _odds(model: UniFashion, probed: ProbedModel, pairs: Sequence[SampledPair]) -> Values:
    """Return log-odds [N, 3] of the matched pair, of the photo with a hard text, and of the text with a hard photo."""
    tokens = image_tokens(model, probed, pairs)
    cut = model.texts([pair.text for pair in pairs])
    texts = torch.cat(
        [model.qformer.text_features(ids, mask) for ids, mask in zip(batches(cut.ids), batches(cut.mask), strict=True)]
    )
    images = torch.cat([model.qformer.image_features(part, "reference") for part in batches(tokens)])
    scores = losses.similarity(images, texts).clone()
    scores.fill_diagonal_(-torch.inf)
    every = torch.arange(len(pairs))
    hard_texts, hard_images = scores.argmax(dim=1).cpu(), scores.argmax(dim=0).cpu()
    columns = []
    for image, text in ((every, every), (every, hard_texts), (hard_images, every)):
        judged = torch.cat(
            [
                model.qformer.match(tokens[one], cut.ids[two], cut.mask[two])
                for one, two in zip(batches(image), batches(text), strict=True)
            ]
        )
        logits = functional.log_softmax(judged, dim=-1)
        columns.append(rows(logits[:, 1] - logits[:, 0]))
    return np.stack(columns, axis=1)

"""The Q-Former's condition of the UNet as measurements: how far a picture moves without it, or with another one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from fashionbench.diagnostics.measurement import Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.pictures import IGNORED, MOST, STILL, moved, open_persons
from fashionbench.diagnostics.resampling import averaged, derangement
from fashionbench.diagnostics.verdicts import beside
from fashionbench_unifashion.diagnosis.representations import batches, trained_model, untrained_model
from fashionbench_unifashion.diffusion.conditions import finish, read_conditions
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.tryon_batches import garment_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import TryOnItem
    from fashionbench.diagnostics.pictures import Persons
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench_unifashion.model.unifashion import UniFashion

    Pixels = NDArray[np.uint8]

_MOVED = "mean difference of the pixels in the mask, from 0 to 1, between the picture and the one "
_WAYS = {
    "condition-left-out": (
        "Pictures without the Q-Former's condition",
        f"{_MOVED}with the unconditional token in the condition's place; the image conditions stay",
    ),
    "condition-shuffled": (
        "Pictures with another garment's condition",
        f"{_MOVED}with the states of another garment; the image conditions stay",
    ),
    "condition-swapped": (
        "Pictures with another garment's image conditions",
        f"{_MOVED}with the image conditions of another garment; the states stay",
    ),
}


def measure_condition(probed: ProbedModel) -> list[Measurement]:
    """Measure how far pictures move with the condition left out, shuffled, and swapped for image conditions."""
    model = trained_model(probed)
    persons = None if model.diffusion is None else open_persons(probed.sample)
    why = "the model has no diffusion model" if persons is None else ""
    if persons is not None and len(persons.items) < 2:
        why = "fewer than two held-out persons have a garment and an agnostic mask"
    if model.diffusion is not None and "agnostic" not in model.diffusion.config.conditions:
        why = "the diffusion model has no try-on conditions"
    if why or persons is None:
        return [absent(id_, "pictures", *described, why) for id_, described in _WAYS.items()]
    order = derangement(len(persons.items), np.random.default_rng(probed.seed))
    own = _Ways(model, probed, persons, order).pictures()
    before = untrained_model(probed)
    untrained = None if before is None else _Ways(before, probed, persons, order).pictures()
    both = averaged(moved(own["whole"], own["both"], persons.masks), probed.seed)
    measurements = []
    for id_, (title, meaning) in _WAYS.items():
        estimate = averaged(moved(own["whole"], own[id_], persons.masks), probed.seed, bounds=(0, 1))
        references = (
            Reference("states and image conditions, both of another garment", both),
            Reference(
                probed.untrained_is,
                None
                if untrained is None
                else averaged(moved(untrained["whole"], untrained[id_], persons.masks), probed.seed, bounds=(0, 1)),
            ),
        )
        share = estimate.value / both.value if both.value > 0 else 0.0
        words = f"{beside(estimate, *references)}: {share:.0%} of what another garment altogether moves"
        if estimate.value < STILL and id_ != "condition-swapped":
            verdict = Verdict("fault", f"{words}: the Q-Former's condition changes nothing in the picture", IGNORED)
        else:
            verdict = Verdict("described", words)
        measurements.append(
            Measurement(
                id=id_,
                group="pictures",
                title=title,
                meaning=meaning,
                estimate=estimate,
                shuffled=references[0],
                untrained=references[1],
                verdict=verdict,
            )
        )
    return measurements


class _Ways:
    """Pictures of the same persons with the same noise, and with conditions put together in several ways."""

    def __init__(self, model: UniFashion, probed: ProbedModel, persons: Persons, order: NDArray[np.int64]) -> None:
        self._model, self._probed = model, probed
        self._items = persons.items[:MOST]
        self._others = [
            replace(one, garment=persons.items[at].garment) for one, at in zip(self._items, order, strict=True)
        ]

    def pictures(self) -> dict[str, list[Pixels]]:
        """Return the pictures by way."""
        ways = {
            "whole": (self._items, self._items),
            "both": (self._others, self._others),
            "condition-left-out": (None, self._items),
            "condition-shuffled": (self._others, self._items),
            "condition-swapped": (self._items, self._others),
        }
        self._probed.reporter.expect_work("picture", len(ways) * len(self._items))
        return {name: self._sampled(states, shown) for name, (states, shown) in ways.items()}

    @torch.inference_mode()
    def _sampled(self, states_of: Sequence[TryOnItem] | None, shown: Sequence[TryOnItem]) -> list[Pixels]:
        """Sample with states of the garments of ``states_of``, or without, and the image conditions of ``shown``."""
        model = self._model
        assert model.diffusion is not None  # noqa: S101
        pictures: list[Pixels] = []
        for part in batches(range(len(shown))):
            items = [shown[at] for at in part]
            tokens = model.tokens([(states_of or shown)[at].garment for at in part])
            condition = model.condition_of(garment_states(model, tokens, [""] * len(items)))
            if states_of is None:
                condition = model.diffusion.unconditional.expand_as(condition)
            images = model.diffusion.sample(
                condition,
                read_conditions(items, model.diffusion.config).to(model.device),
                seeds=[number(self._probed.seed, item.id) for item in items],
            )
            pictures += finish(images, items, repaint=False)
            self._probed.reporter.advance(len(items), "picture")
        return pictures

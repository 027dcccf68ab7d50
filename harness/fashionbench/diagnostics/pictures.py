"""Pictures of a model as measurements: how far they move when the garment is left out or another one is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, derangement, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import TryOnItem
    from fashionbench.data.training_examples import TryOnExample
    from fashionbench.diagnostics.sample import Sample
    from fashionbench.diagnostics.system import Subject, System

    Pixels = NDArray[np.uint8]
    Values = NDArray[np.float64]

#: At most so many persons: each picture is a whole walk of the sampler.
MOST = 24
#: A mean difference of less than half a level of 255 is none.
STILL = 0.5 / 255
#: The failure, as it is called here.
IGNORED = "condition has no effect"

_MOVED = "mean difference of the pixels in the mask, from 0 to 1, between the picture with its own garment and with "
_TITLES = {
    "garment-followed": (
        "Pictures follow the garment",
        "mean difference of the pixels in the mask from the true photo; lower is better",
    ),
    "garment-swapped": ("Pictures move with another garment", f"{_MOVED}another one"),
    "garment-left-out": ("Pictures move without a garment", f"{_MOVED}a white image in its place"),
}


@dataclass(frozen=True, slots=True)
class Persons:
    """Persons in garments, opened.

    :param masks: bool [H, W] of each, where the garment is painted.
    """

    items: tuple[TryOnItem, ...]
    truths: tuple[Pixels, ...]
    masks: tuple[NDArray[np.bool_], ...]
    left_out: int


def open_persons(sample: Sample) -> Persons:
    """Open the persons of a sample, at most :data:`MOST`; those without an agnostic mask are counted and left out."""
    opened: list[tuple[str, TryOnExample]] = [(one.id, one.read()) for one in sample.tryon[:MOST]]
    usable = [(name, one) for name, one in opened if "agnostic-mask" in one.item.conditions]
    return Persons(
        tuple(replace(one.item, id=name) for name, one in usable),
        tuple(np.asarray(_sized(one.target.image.convert("RGB"), one.item.person.size)) for _, one in usable),
        tuple(mask_of(one.item) for _, one in usable),
        len(opened) - len(usable),
    )


def mask_of(item: TryOnItem) -> NDArray[np.bool_]:
    """Read where the garment is painted, at the size of the person."""
    mask: NDArray[np.bool_] = np.asarray(_sized(item.conditions["agnostic-mask"].convert("L"), item.person.size)) > 127
    return mask


def moved(one: Sequence[Pixels], two: Sequence[Pixels], masks: Sequence[NDArray[np.bool_]]) -> Values:
    """Return for each picture the mean difference of its pixels in the mask, from 0 to 1; 0 where a mask is empty."""
    return np.array(
        [
            np.abs(a.astype(np.float64) - b)[mask].mean() / 255 if mask.any() else 0.0
            for a, b, mask in zip(one, two, masks, strict=True)
        ]
    )


def measure_pictures(subject: Subject) -> list[Measurement]:
    """Measure try-on pictures with the right garment, with another one, and with none."""
    why = subject.model.lacking("try-on")
    persons = None if why else open_persons(subject.sample)
    if persons is not None and len(persons.items) < 2:
        why = "fewer than two held-out persons have a garment and an agnostic mask"
    if why or persons is None:
        return [absent(id_, "pictures", *_TITLES[id_], why) for id_ in _TITLES]
    order = derangement(len(persons.items), np.random.default_rng(subject.seed))
    made = _Pictures.of(subject.model, persons, order)
    before = None if subject.untrained is None else _Pictures.of(subject.untrained, persons, order)
    followed = _followed(subject, persons, made, before)
    others = [persons.truths[at] for at in order]
    expected = averaged(moved(persons.truths, _fitted(others, persons.truths), persons.masks), subject.seed)
    what = "photos of other persons in other garments in place of pictures"
    moves = []
    for id_, pictures in (("garment-swapped", "swapped"), ("garment-left-out", "blank")):
        estimate = averaged(moved(made.own, getattr(made, pictures), persons.masks), subject.seed, bounds=(0, 1))
        references = (
            Reference(what, expected),
            Reference(
                subject.untrained_is,
                None
                if before is None
                else averaged(moved(before.own, getattr(before, pictures), persons.masks), subject.seed, bounds=(0, 1)),
            ),
        )
        words = beside(estimate, *references)
        if estimate.value < STILL:
            verdict = Verdict("fault", f"{words}: the garment changes nothing in the picture", IGNORED)
        else:
            verdict = Verdict("described", f"{words}: that is how far the garment alone moves the picture")
        moves.append(_made(id_, estimate, references, verdict))
    return [followed, *moves]


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Pictures with the right garment, with another one, and with a white image."""

    own: list[Pixels]
    swapped: list[Pixels]
    blank: list[Pixels]

    @classmethod
    def of(cls, system: System, persons: Persons, order: NDArray[np.int64]) -> _Pictures:
        # The ids stay, and with them the noise: nothing but the garment differs.
        shown = [item.garment for item in persons.items]
        swapped = [shown[at] for at in order]
        blank = [Image.new("RGB", garment.size, "white") for garment in shown]
        rows = [
            system.try_on([replace(item, garment=one) for item, one in zip(persons.items, garments, strict=True)])
            for garments in (shown, swapped, blank)
        ]
        return cls(*rows)


def _followed(subject: Subject, persons: Persons, made: _Pictures, before: _Pictures | None) -> Measurement:
    own, swapped = (moved(rows, persons.truths, persons.masks) for rows in (made.own, made.swapped))
    estimate = averaged(own, subject.seed, bounds=(0, 1))

    def mixed(rng: np.random.Generator) -> float:
        # Under chance the picture with another garment is as good, so that the two may change places.
        return float(np.where(rng.random(len(own)) < 0.5, own, swapped).mean())

    references = (
        Reference(
            "for each person, whether its own garment or another one is shown", shuffled(mixed, len(own), subject.seed)
        ),
        Reference(
            subject.untrained_is,
            None
            if before is None
            else averaged(moved(before.own, persons.truths, persons.masks), subject.seed, bounds=(0, 1)),
        ),
    )
    verdict = against_references(
        estimate,
        *references,
        higher=False,
        fault="pictures ignore the garment",
        failed="the picture with another garment is as near to the truth",
    )
    return _made("garment-followed", estimate, references, verdict)


def _sized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.NEAREST)


def _fitted(images: Sequence[Pixels], like: Sequence[Pixels]) -> list[Pixels]:
    return [
        np.asarray(_sized(Image.fromarray(image), (other.shape[1], other.shape[0])))
        for image, other in zip(images, like, strict=True)
    ]


def _made(id_: str, estimate: Estimate, references: tuple[Reference, Reference], verdict: Verdict) -> Measurement:
    title, meaning = _TITLES[id_]
    return Measurement(
        id=id_,
        group="pictures",
        title=title,
        meaning=meaning,
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=verdict,
    )

"""Captions of a model as measurements: whether they say what the image shows, or read well and ignore it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.diagnostics.caption_words import ATTRIBUTES, attribute_hits, cider_of, named_attributes
from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, derangement, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import TaskSample
    from fashionbench.diagnostics.system import Subject, System

    Values = NDArray[np.float64]

#: Below this share of captions that name an attribute at all they are no descriptions.
SILENT = 0.2
#: The failure that is known of trainings after BLIP-2, and what it is called here.
IGNORES = "captions ignore the image"

_ACCURACY = (
    "share of the category, colour, pattern and sleeve named by the reference that the caption names too; shuffled "
    "images give the captions of other products"
)
_DIFFERENT = "number of different captions over the number of images"
_CIDER = "CIDEr-D of captions in words of letters and digits, not in the tokens that boards take"


def measure_captions(subject: Subject) -> list[Measurement]:
    """Measure captions on each data set that has an instruction."""
    why = subject.model.lacking("caption")
    tasks = subject.sample.captioned()
    if not why and not tasks:
        why = "no task of the sample has an instruction for captions"
    if why:
        titles = {"attributes": _ACCURACY, "different-captions": _DIFFERENT, "cider": _CIDER}
        return [absent(id_, "captions", _TITLES[id_], meaning, why) for id_, meaning in titles.items()]
    return [one for task in tasks for one in _of_task(subject, task, len(tasks) > 1)]


_TITLES = {
    "attributes": "Attributes named right",
    "different-captions": "Different captions",
    "cider": "CIDEr",
}


def _of_task(subject: Subject, task: TaskSample, several: bool) -> list[Measurement]:  # noqa: FBT001
    references = [pair.text for pair in task.held]
    captions = _asked(subject.model, task)
    before = None if subject.untrained is None else _asked(subject.untrained, task)
    suffix, of = (f":{task.task}", f" of {task.task}") if several else ("", "")
    where = {"suffix": suffix, "of": of}
    return [
        _attributes(subject, captions, before, references, where),
        _different(subject, captions, before, where),
        _cider(subject, captions, before, references, where),
    ]


def _asked(system: System, task: TaskSample) -> list[str]:
    return system.caption(task.held, task.instruction)


def _attributes(
    subject: Subject,
    captions: Sequence[str],
    before: Sequence[str] | None,
    references: Sequence[str],
    where: dict[str, str],
) -> Measurement:
    wanted = [named_attributes(text) for text in references]
    rows = np.array([any(one.values()) for one in wanted])
    title = f"{_TITLES['attributes']}{where['of']}"
    if not rows.any():
        why = "no reference names a category, colour, pattern or sleeve of the list"
        return absent(f"attributes{where['suffix']}", "captions", title, _ACCURACY, why)

    said = [named_attributes(text) for text in captions]

    def values(said: Sequence[dict[str, str]]) -> Values:
        hits: Values = attribute_hits(said, wanted)[rows]
        return hits

    def mixed(rng: np.random.Generator) -> float:
        return float(values([said[at] for at in derangement(len(said), rng)]).mean())

    estimate = averaged(values(said), subject.seed, bounds=(0, 1))
    chance = Reference("captions among the images", shuffled(mixed, int(rows.sum()), subject.seed))
    untrained = Reference(
        subject.untrained_is,
        None
        if before is None
        else averaged(values([named_attributes(text) for text in before]), subject.seed, bounds=(0, 1)),
    )
    silent = 1 - np.mean([any(one.values()) for one in said])
    if 1 - silent < SILENT and len(captions) > 2:
        words = f"{beside(estimate, chance, untrained)}: {silent:.0%} of the captions name no attribute at all"
        verdict = Verdict(
            "fault", words, IGNORES if len(set(captions)) < len(captions) / 2 else "captions describe nothing"
        )
    else:
        verdict = against_references(
            estimate,
            chance,
            untrained,
            higher=True,
            fault=IGNORES,
            failed="captions fit another product's photo as well as their own",
        )
    turned = derangement(len(said), np.random.default_rng(subject.seed))
    table = {
        attribute: {
            "named by references": str(sum(bool(one[attribute]) for one in wanted)),
            "right": _share(said, wanted, attribute),
            "right, images shuffled": _share([said[at] for at in turned], wanted, attribute),
        }
        for attribute in ATTRIBUTES
    }
    return _made("attributes", title, _ACCURACY, estimate, (chance, untrained), verdict, where, table)


def _share(said: Sequence[dict[str, str]], wanted: Sequence[dict[str, str]], attribute: str) -> str:
    right = [one[attribute] == two[attribute] for one, two in zip(said, wanted, strict=True) if two[attribute]]
    return f"{np.mean(right):.0%}" if right else "–"


def _different(
    subject: Subject, captions: Sequence[str], before: Sequence[str] | None, where: dict[str, str]
) -> Measurement:
    def estimate(texts: Sequence[str]) -> Estimate:
        share = len(set(texts)) / len(texts)
        return Estimate(share, None, "none: a resample has fewer different captions than the sample", len(texts))

    own = estimate(captions)
    references = (
        Reference("shuffled images have the same captions in another order", own),
        Reference(subject.untrained_is, None if before is None else estimate(before)),
    )
    words = f"{len(set(captions))} different captions of {len(captions)} images"
    if len(set(captions)) == 1:
        verdict = Verdict("fault", f"{words}: every image has the caption {captions[0]!r}", IGNORES)
    elif own.value < 0.1:
        verdict = Verdict("weak", f"{words}: most images share theirs with others")
    else:
        verdict = Verdict("described", words)
    title = f"{_TITLES['different-captions']}{where['of']}"
    return _made("different-captions", title, _DIFFERENT, own, references, verdict, where)


def _cider(
    subject: Subject,
    captions: Sequence[str],
    before: Sequence[str] | None,
    references: Sequence[str],
    where: dict[str, str],
) -> Measurement:
    title = f"{_TITLES['cider']}{where['of']}"

    def mixed(rng: np.random.Generator) -> float:
        order = derangement(len(captions), rng)
        return float(cider_of([captions[at] for at in order], references).mean())

    estimate = averaged(cider_of(captions, references), subject.seed, bounds=(0, 10))
    chance = Reference("captions among the images", shuffled(mixed, len(captions), subject.seed))
    untrained = Reference(
        subject.untrained_is,
        None if before is None else averaged(cider_of(before, references), subject.seed, bounds=(0, 10)),
    )
    verdict = against_references(
        estimate,
        chance,
        untrained,
        higher=True,
        fault=IGNORES,
        failed="captions fit another product's photo as well as their own",
    )
    return _made("cider", title, _CIDER, estimate, (chance, untrained), verdict, where)


def _made(
    id_: str,
    title: str,
    meaning: str,
    estimate: Estimate,
    references: tuple[Reference, Reference],
    verdict: Verdict,
    where: dict[str, str],
    table: dict[str, dict[str, str]] | None = None,
) -> Measurement:
    return Measurement(
        id=f"{id_}{where['suffix']}",
        group="captions",
        title=title,
        meaning=meaning,
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=verdict,
        table=table or {},
    )

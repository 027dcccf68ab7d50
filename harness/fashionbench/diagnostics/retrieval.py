"""Retrieval of a model as measurements: ranks, alignment, uniformity, modality gap, ranks of representations, hubs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fashionbench.diagnostics import geometry, neighbours
from fashionbench.diagnostics.embeddings import Embedded, embedded
from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, Verdict, absent
from fashionbench.diagnostics.resampling import averaged, columns_shuffled, derangement, jackknifed, shuffled
from fashionbench.diagnostics.verdicts import against_references, beside, beyond_chance, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fashionbench.diagnostics.measurement import Level
    from fashionbench.diagnostics.sample import TaskSample
    from fashionbench.diagnostics.system import Subject

    Rows = NDArray[np.float64]
    Places = NDArray[np.int64]

#: Candidates that count as near, and above which skewness of how often one is near there are hubs.
NEAR, HUBS = 10, 1.4
#: Mean cosine of the vectors of one image above which they are alike, and above which they are nearly so.
ALIKE, NEARLY_ALIKE = 0.99, 0.9
#: A collapse: vectors of which the uniformity is above this, or the effective rank below.
COLLAPSED, FEWEST_DIRECTIONS = -0.1, 1.5


class Described(NamedTuple):
    """Name and meaning of a measurement."""

    id: str
    title: str
    meaning: str


RANK = Described("ranks", "Reciprocal rank of the right photo", "mean over texts of 1 / rank among all held-out photos")
ALIGNMENT = Described(
    "alignment",
    "Alignment",
    "mean squared distance of a photo from its text (Wang and Isola, 2020, eq. 1); lower is better",
)
GAP = Described(
    "modality-gap", "Modality gap", "distance of the mean photo from the mean text (Liang et al., 2022); at most 2"
)
HUBNESS = Described(
    "hubness",
    "Hubness of photos",
    f"skewness of how often a photo is among the {NEAR} nearest of a text (Radovanović et al., 2010); 0 is even",
)
REDUNDANCY = Described(
    "query-redundancy", "Redundancy of queries", "mean cosine between two vectors of one photo; 1 where all are equal"
)
QUERY_RANK = Described(
    "query-rank",
    "Effective rank of queries",
    "effective rank (Roy and Vetterli, 2007) of the vectors of one photo; at most their number",
)
SIDES = ("photos", "texts")


def uniformity_of(side: str) -> Described:
    """Describe the uniformity of a side."""
    return Described(
        f"uniformity-{side}",
        f"Uniformity of {side}",
        "log of the mean Gaussian kernel of two vectors (Wang and Isola, 2020, eq. 2); lower is more uniform",
    )


def rank_of(side: str) -> Described:
    """Describe the effective rank of a side."""
    return Described(
        f"effective-rank-{side}",
        f"Effective rank of {side}",
        "exp of the entropy of the singular values of the centred vectors (Roy and Vetterli, 2007)",
    )


def all_described() -> list[Described]:
    """List the measurements in their order."""
    sides = [make(side) for make in (uniformity_of, rank_of) for side in SIDES]
    return [RANK, ALIGNMENT, GAP, *sides, REDUNDANCY, QUERY_RANK, HUBNESS]


def measure_retrieval(subject: Subject) -> list[Measurement]:
    """Measure how photos and texts lie in their common space."""
    task = next((one for one in subject.sample.tasks if len(one.held) > 2), None)
    why = subject.model.lacking("encode-image", "encode-text")
    if not why and task is None:
        why = "fewer than three held-out products have a photo and a text"
    if why or task is None:
        return [absent(one.id, "retrieval", one.title, one.meaning, why) for one in all_described()]
    return _Retrieval(subject, task).all()


class _Retrieval:
    """The measurements on the pairs of one task."""

    def __init__(self, subject: Subject, task: TaskSample) -> None:
        self._seed = subject.seed
        self._model = embedded(subject.model, task.held)
        self._untrained = None if subject.untrained is None else embedded(subject.untrained, task.held)
        self._untrained_is = subject.untrained_is
        self._count = len(task.held)

    def all(self) -> list[Measurement]:
        """Return them in their order."""
        sides = [make(side) for make in (self._uniformity, self._rank) for side in SIDES]
        return [self._ranks(), self._alignment(), self._gap(), *sides, *self._queries(), self._hubs()]

    def _ranks(self) -> Measurement:
        own = self._model.scores

        def values(scores: Rows, order: Places | None = None) -> Rows:
            right = np.arange(self._count) if order is None else order
            # An equal score counts against the right photo, or a model that says one thing of all would be first.
            ranks: Rows = 1.0 / (scores >= scores[np.arange(self._count), right][:, None]).sum(axis=1)
            return ranks

        estimate = averaged(values(own), self._seed, bounds=(0, 1))
        chance = self._chance(lambda rng: float(values(own, derangement(self._count, rng)).mean()))
        references = (
            chance("each text with another product's photo"),
            self._of_untrained(lambda one: averaged(values(one.scores), self._seed, bounds=(0, 1))),
        )
        verdict = against_references(
            estimate, *references, higher=True, fault="retrieval at chance", failed="texts do not find their photos"
        )
        return self._made(RANK, estimate, references, verdict)

    def _alignment(self) -> Measurement:
        def values(one: Embedded, order: Places | None = None) -> Rows:
            texts = one.texts if order is None else one.texts[order]
            return geometry.squared_distances(one.matched(order), texts)

        estimate = averaged(values(self._model), self._seed, bounds=(0, 4))
        chance = self._chance(lambda rng: float(values(self._model, derangement(self._count, rng)).mean()))
        references = (
            chance("each photo with another product's text"),
            self._of_untrained(lambda one: averaged(values(one), self._seed, bounds=(0, 4))),
        )
        assert references[0].estimate is not None  # noqa: S101
        if beyond_chance(estimate, references[0].estimate, higher=False):
            verdict = Verdict("sound", f"{beside(estimate, *references)}: a photo lies nearer to its own text")
        else:
            words = f"{beside(estimate, *references)}: a photo lies as near to any text as to its own"
            verdict = Verdict("fault", words, "retrieval at chance")
        return self._made(ALIGNMENT, estimate, references, verdict)

    def _gap(self) -> Measurement:
        def estimated(one: Embedded) -> Estimate:
            photos = one.matched()
            return jackknifed(
                lambda kept: geometry.modality_gap(photos[kept], one.texts[kept]), self._count, self._seed
            )

        def mixed(rng: np.random.Generator) -> float:
            both = rng.permutation(np.vstack([self._model.matched(), self._model.texts]))
            return geometry.modality_gap(both[: self._count], both[self._count :])

        estimate = estimated(self._model)
        what = "which vector is of a photo and which of a text"
        references = self._chance(mixed)(what), self._of_untrained(estimated)
        pairs = float(geometry.squared_distances(self._model.matched(), self._model.texts).mean())
        share = estimate.value**2 / pairs if pairs > 0 else 0.0
        level: Level = "weak" if share > 0.5 else "described"
        words = f"{beside(estimate, *references)}: {share:.0%} of the squared distance of a pair is the gap alone"
        return self._made(GAP, estimate, references, Verdict(level, words))

    def _uniformity(self, side: str) -> Measurement:
        estimate, references = self._of_side(side, geometry.uniformity)
        words = beside(estimate, *references)
        if estimate.value > COLLAPSED:
            verdict = Verdict("fault", f"{words}: all {side} have nearly one vector", "collapsed embeddings")
        else:
            verdict = Verdict("described", f"{words}: 0 is one vector for all, about −4 is even on the sphere")
        return self._made(uniformity_of(side), estimate, references, verdict)

    def _rank(self, side: str) -> Measurement:
        estimate, references = self._of_side(side, geometry.effective_rank)
        words = f"{beside(estimate, *references)}, of {self._model.texts.shape[1]} dimensions"
        if estimate.value < FEWEST_DIRECTIONS:
            verdict = Verdict("fault", f"{words}: {side} differ in one direction at most", "collapsed embeddings")
        else:
            verdict = Verdict("described", f"{words}: {side} differ in about so many directions")
        return self._made(rank_of(side), estimate, references, verdict)

    def _of_side(self, side: str, measure: Callable[[Rows], float]) -> tuple[Estimate, tuple[Reference, Reference]]:
        def rows(one: Embedded) -> Rows:
            return one.texts if side == "texts" else one.matched()

        def estimated(one: Embedded) -> Estimate:
            own = rows(one)
            return jackknifed(lambda kept: measure(own[kept]), self._count, self._seed)

        own = rows(self._model)
        chance = self._chance(lambda rng: measure(geometry.unit(columns_shuffled(own, rng))))
        return estimated(self._model), (chance("each dimension among the items"), self._of_untrained(estimated))

    def _queries(self) -> list[Measurement]:
        count = self._model.vectors.shape[1]
        if count < 2:
            why = "an image has one vector, so that there are no queries to compare"
            return [absent(one.id, "retrieval", one.title, one.meaning, why) for one in (REDUNDANCY, QUERY_RANK)]
        made = []
        for described, measure, bounds in (
            (REDUNDANCY, geometry.query_similarity, (-1.0, 1.0)),
            (QUERY_RANK, geometry.query_rank, (0.0, float(count))),
        ):

            def mixed(rng: np.random.Generator, measure: Callable[[Rows], Rows] = measure) -> float:
                orders = [rng.permutation(self._count) for _ in range(count)]
                vectors = np.stack([self._model.vectors[order, at] for at, order in enumerate(orders)], axis=1)
                return float(measure(vectors).mean())

            estimate = averaged(measure(self._model.vectors), self._seed, bounds=bounds)
            references = (
                self._chance(mixed)("the vectors of each query among the photos"),
                self._of_untrained(
                    lambda one, measure=measure, bounds=bounds: averaged(  # type: ignore[misc]
                        measure(one.vectors), self._seed, bounds=bounds
                    )
                ),
            )
            made.append(self._made(described, estimate, references, self._of_queries(estimate, references, count)))
        return made

    def _of_queries(self, estimate: Estimate, references: tuple[Reference, Reference], count: int) -> Verdict:
        similarity = float(geometry.query_similarity(self._model.vectors).mean())
        words = beside(estimate, *references)
        if similarity > ALIKE:
            return Verdict("fault", f"{words}: the {count} queries see the same", "frozen queries")
        if similarity > NEARLY_ALIKE:
            return Verdict("weak", f"{words}: the {count} queries see nearly the same")
        return Verdict("described", f"{words}: the {count} queries differ")

    def _hubs(self) -> Measurement:
        k = min(NEAR, max(1, self._count // 5))

        def estimated(one: Embedded) -> Estimate:
            scores = one.scores
            return jackknifed(lambda kept: neighbours.hubness(scores[np.ix_(kept, kept)], k), self._count, self._seed)

        def mixed(rng: np.random.Generator) -> float:
            photos = geometry.unit(columns_shuffled(self._model.matched(), rng))
            return neighbours.hubness(self._model.texts @ photos.T, k)

        estimate = estimated(self._model)
        references = self._chance(mixed)("each dimension among the photos"), self._of_untrained(estimated)
        most = int(neighbours.occurrences(self._model.scores, k).max())
        words = f"{beside(estimate, *references)}; one photo is among the {k} nearest of {most} of {self._count} texts"
        hubs = estimate.value > HUBS and beyond_chance(estimate, _known(references[0]), higher=True)
        above = f"above {number(HUBS)}: a few photos answer many texts" if hubs else "no hubs to speak of"
        return self._made(HUBNESS, estimate, references, Verdict("weak" if hubs else "described", f"{words}: {above}"))

    def _chance(self, statistic: Callable[[np.random.Generator], float]) -> Callable[[str], Reference]:
        found = shuffled(statistic, self._count, self._seed)
        return lambda what: Reference(what, found)

    def _of_untrained(self, estimate: Callable[[Embedded], Estimate]) -> Reference:
        return Reference(self._untrained_is, None if self._untrained is None else estimate(self._untrained))

    @staticmethod
    def _made(
        described: Described, estimate: Estimate, references: tuple[Reference, Reference], verdict: Verdict
    ) -> Measurement:
        return Measurement(
            id=described.id,
            group="retrieval",
            title=described.title,
            meaning=described.meaning,
            estimate=estimate,
            shuffled=references[0],
            untrained=references[1],
            verdict=verdict,
        )


def _known(reference: Reference) -> Estimate:
    assert reference.estimate is not None  # noqa: S101
    return reference.estimate

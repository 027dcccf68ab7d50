"""Outfits: which item completes one, and do items go together (Vasileva et al., ECCV 2018).

Both are scored by the cosine between item embeddings alone, averaged over the items of the outfit, so that any image
encoder can take part; a model of compatibility would bring a similarity of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.dataset import is_twin
from fashionbench.data.ground_truth import Truth
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench.metrics.outfits.roc_auc import SCHEMA as SCORED
from fashionbench.metrics.outfits.roc_auc import scored_table
from fashionbench.metrics.retrieval.rank_counting import count_from_scores
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.ranking import SCHEMA as RANKED
from fashionbench.predictions.ranking import Labels, ranking_table
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.polyvore import Polyvore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.roots import DataRoots
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec

    Vectors = dict[str, NDArray[np.float64]]


class Outfits(ABC):
    """What both tasks share: items, found on disk and embedded once."""

    def __init__(self, spec: TaskSpec, roots: DataRoots) -> None:
        self.spec = spec
        root = place(spec, roots)
        self.data = Polyvore(root, str(spec.options["version"]))
        self.asked = self._asked()
        names = sorted({name for items in self.asked for name in items})
        self.paths = {name: self.data.files.path(name) for name in names}
        found = survey(self.paths, self.data.annotations(), cache=roots.index)
        if found.absent:
            named = ", ".join(sorted(found.absent)[:5])
            raise DataError(f"{len(found.absent)} items are missing or unreadable: {named}", remedy="fetch them again")
        sizes = {"questions": len(self.asked), "items": len(names)}
        self._info = DataInfo(found.fingerprint, sizes, synthetic=is_twin(root))

    def info(self) -> DataInfo:
        """Return the data as they were found."""
        return self._info

    @abstractmethod
    def _asked(self) -> list[tuple[str, ...]]:
        """Read what is asked, and list the items of each question."""

    def embed(self, session: Session, truth: Truth) -> tuple[Vectors, Vectors]:
        """Return the unit vectors of every item as a query and as a candidate, [Q, D] each."""
        sources = [ImageFile(name, path) for name, path in self.paths.items()]
        session.expect_embeddings([[(sources, "query"), (sources, "candidate")]])
        with session.fold(None, truth) as answers:
            sides = answers.embed_sides([(sources, "query"), (sources, "candidate")])
        return self._named(sides[0]), self._named(sides[1])

    def _named(self, rows: NDArray[np.float32]) -> Vectors:
        vectors = rows.astype(np.float64).reshape(len(rows), -1, rows.shape[-1])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
        return dict(zip(self.paths, vectors, strict=True))


class FillInTheBlank(Outfits):
    """Choose the item that completes an outfit."""

    def _asked(self) -> list[tuple[str, ...]]:
        self.questions = self.data.questions()
        return [(*q.items, *q.candidates) for q in self.questions]

    def predict(self, session: Session) -> Predictions:
        """Score each candidate by its mean cosine to the items of the outfit."""
        questions = self.questions[: session.limit] if session.limit else self.questions
        truth = Truth(positives={name: frozenset({q.answer}) for q in questions for name in q.items})
        asked, offered = self.embed(session, truth)
        width = max(len(q.candidates) for q in questions)
        scores = np.zeros((len(questions), width), dtype=np.float32)
        for row, question in enumerate(questions):
            for column, candidate in enumerate(question.candidates):
                scores[row, column] = np.mean([affinity(asked[item], offered[candidate]) for item in question.items])
        ranking = count_from_scores(
            scores,
            [[q.candidates.index(q.answer)] for q in questions],
            exclude=[list(range(len(q.candidates), width)) for q in questions],
            tie_tolerance=float(str(self.spec.protocol.fields["tie_tolerance"])),
        )
        ids = [question.id for question in questions]
        return Predictions(RANKED, ranking_table(ranking, Labels("all", ids, ids, (), [[q.answer] for q in questions])))


class Compatibility(Outfits):
    """Tell outfits from sets of items that do not go together."""

    def _asked(self) -> list[tuple[str, ...]]:
        self.outfits = self.data.compatibility()
        return [outfit.items for outfit in self.outfits]

    def predict(self, session: Session) -> Predictions:
        """Score each set by the mean cosine over its pairs."""
        outfits = self.outfits[: session.limit] if session.limit else self.outfits
        alike = {name: frozenset(o.items) for o in outfits if o.compatible for name in o.items}
        asked, offered = self.embed(session, Truth(positives=alike))
        scores = [together(outfit.items, asked, offered) for outfit in outfits]
        return Predictions(SCORED, scored_table([o.id for o in outfits], [o.compatible for o in outfits], scores))


def affinity(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Return the maximum cosine over the vectors of a query and a candidate."""
    return float((one @ two.T).max())


def together(items: Sequence[str], asked: Vectors, offered: Vectors) -> float:
    """Return the mean affinity over the ordered pairs of a set.

    :raises DataError: where the set has fewer than two items.
    """
    if len(items) < 2:
        raise DataError("an outfit of one item has no pairs", remedy="drop it from the file")
    return float(np.mean([affinity(asked[a], offered[b]) for a in items for b in items if a != b]))

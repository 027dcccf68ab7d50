"""HP-FashionIQ: does a model score the list of images higher that a person prefers for a composed query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.dataset import is_twin
from fashionbench.data.ground_truth import Truth
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ComposedFile, ImageFile
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.errors import DataError
from fashionbench.metrics.retrieval.preference import SCHEMA, Preference, preference_table
from fashionbench.predictions.base import Predictions
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.hp_fashion_iq import HPFashionIQ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.roots import DataRoots
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.hp_fashion_iq import Choice


class ListPreference:
    """Choices between two lists; a choice of which an image is missing is left out and counted."""

    def __init__(self, spec: TaskSpec, roots: DataRoots) -> None:
        self.spec = spec
        data = HPFashionIQ(place(spec, roots))
        self._files: dict[str, Path] = dict(data.images())
        found = survey(self._files, data.annotations(), cache=roots.index)
        listed = data.choices()
        self.choices = [choice for choice in listed if found.absent.isdisjoint(_shown(choice))]
        if not self.choices:
            raise DataError(f"no choice of {data.path} has all of its images", remedy="fetch those of Fashion-IQ")
        facts = {"choices with a missing image, left out": str(len(listed) - len(self.choices))}
        sizes = {"choices": len(self.choices), "persons": len({choice.person for choice in self.choices})}
        self._info = DataInfo.of(found, sizes, synthetic=is_twin(data.root), facts=facts)

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    def predict(self, session: Session) -> Predictions:
        """Score each list by the mean cosine of its images with the query, as the publisher does."""
        choices = self.choices[: session.limit] if session.limit else self.choices
        names = sorted({name for choice in choices for shown in choice.lists for name in shown})
        gallery = [ImageFile(name, self._files[name]) for name in names]
        queries = [ComposedFile(c.id, self._files[c.reference], c.text) for c in choices]
        preferred = {c.id: frozenset(c.lists[0 if c.first else 1]) for c in choices}
        truth = Truth(positives=preferred, texts={c.id: c.text for c in choices})
        session.expect_embeddings([[(gallery, "candidate"), (queries, "query")]])
        with session.fold(None, truth, MeasuredItems(sources=(*queries, *gallery))) as backend:
            images, asked = backend.embed_sides([(gallery, "candidate"), (queries, "query")])
        at = {name: row for row, name in enumerate(names)}
        rows = [
            Preference(
                choice.id,
                choice.category or "all",
                choice.person,
                choice.first,
                (_score(query, images, choice.lists[0], at), _score(query, images, choice.lists[1], at)),
            )
            for choice, query in zip(choices, asked, strict=True)
        ]
        return Predictions(SCHEMA, preference_table(rows))


def _score(
    query: NDArray[np.float32], images: NDArray[np.float32], shown: tuple[str, ...], at: dict[str, int]
) -> float:
    """Return the mean over a list of the greatest cosine between the vectors of query and image."""
    one = _unit(query.astype(np.float64).reshape(-1, query.shape[-1]))
    many = [_unit(images[at[name]].astype(np.float64).reshape(-1, query.shape[-1])) for name in shown]
    return float(np.mean([(one @ image.T).max() for image in many]))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms: NDArray[np.float64] = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    return rows / norms


def _shown(choice: Choice) -> set[str]:
    return {choice.reference, *choice.lists[0], *choice.lists[1]}

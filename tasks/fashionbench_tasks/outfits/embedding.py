"""Embeddings of outfit items, and their similarity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.polyvore import Polyvore

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.roots import DataRoots
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec

    #: The unit vectors of each item, [Q, D].
    Embeddings: TypeAlias = dict[str, NDArray[np.float64]]


class OutfitTask(ABC):
    """Base of the outfit tasks: reads the questions, checks the photos of their items, and embeds each item."""

    def __init__(self, spec: TaskSpec, roots: DataRoots) -> None:
        self.spec = spec
        root = place(spec, roots)
        self.data = Polyvore(root, str(spec.options["version"]))
        questions = self._items_of_questions()
        names = sorted({name for items in questions for name in items})
        self.paths = {name: self.data.files.path(name) for name in names}
        checked = survey(self.paths, self.data.annotations(), cache=roots.index)
        if checked.absent:
            raise DataError(
                f"{len(checked.absent)} items are missing or unreadable: {first_names(sorted(checked.absent))}",
                remedy="fetch them again",
            )
        sizes = {"questions": len(questions), "items": len(names)}
        self._info = DataInfo(checked.fingerprint, sizes, synthetic=is_twin(root), image_forms=checked.forms)

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    @abstractmethod
    def _items_of_questions(self) -> list[tuple[str, ...]]:
        """Read the questions, and list the items of each."""

    def embed(self, session: Session, truth: Truth) -> tuple[Embeddings, Embeddings]:
        """Embed every item as a query and as a candidate."""
        sources = [ImageFile(name, path) for name, path in self.paths.items()]
        session.expect_embeddings([[(sources, "query"), (sources, "candidate")]])
        with session.fold(None, truth) as backend:
            queries, candidates = backend.embed_sides([(sources, "query"), (sources, "candidate")])
        return self._by_item(queries), self._by_item(candidates)

    def _by_item(self, rows: NDArray[np.float32]) -> Embeddings:
        vectors = rows.astype(np.float64).reshape(len(rows), -1, rows.shape[-1])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
        return dict(zip(self.paths, vectors, strict=True))


def max_cosine(query: NDArray[np.float64], candidate: NDArray[np.float64]) -> float:
    """Return the maximum cosine over the unit vectors of a query and a candidate."""
    return float((query @ candidate.T).max())

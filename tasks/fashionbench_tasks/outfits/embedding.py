"""Embeddings of outfit items, question by question, and their similarity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.dataset import is_twin
from fashionbench.data.ground_truth import Truth
from fashionbench.data.images import read_rgb
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.shown_items import ShownItem
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.polyvore import Polyvore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from numpy.typing import NDArray
    from PIL.Image import Image

    from fashionbench.data.roots import DataRoots
    from fashionbench.data.shown_items import Side
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec

    #: The unit vectors of each item, [Q, D].
    Embeddings: TypeAlias = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: the items that must be embedded, and for each of them the items that go with it."""

    id: str
    items: tuple[str, ...]
    truth: Mapping[str, frozenset[str]]


class OutfitTask(ABC):
    """Base of the outfit tasks: reads the questions, checks the photos of their items, and embeds each item."""

    def __init__(self, spec: TaskSpec, roots: DataRoots) -> None:
        self.spec = spec
        root = place(spec, roots)
        self.data = Polyvore(root, str(spec.options["version"]))
        questions = self._items_of_questions()
        gallery = self._gallery()
        names = sorted({name for items in questions for name in items}.union(gallery))
        self.paths = {name: self.data.files.path(name) for name in names}
        checked = survey(self.paths, self._annotations(), cache=roots.index)
        self.absent = frozenset(checked.absent)
        sizes = {"questions": len(questions), "items": len(names)} | ({"gallery": len(gallery)} if gallery else {})
        self._info = DataInfo.of(checked, sizes, synthetic=is_twin(root), facts=self._facts())
        if checked.unreadable:
            self._info.require_images(spec.dataset)
        if not names:
            raise DataError(
                f"{spec.id} finds no question in {self.data.folder}", remedy="fetch the question file again"
            )
        if self.absent.issuperset(names):
            msg = f"none of the {len(names)} items is there: {first_names(names)}; {checked.looked_for}"
            raise DataError(msg, remedy="fetch the photos, or mend the root folder")

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    @abstractmethod
    def _items_of_questions(self) -> list[tuple[str, ...]]:
        """Read the questions, and list the items of each."""

    def _gallery(self) -> Collection[str]:
        """Return the items that every question is asked about beside its own; none by default."""
        return ()

    def _annotations(self) -> Mapping[str, Path]:
        """Return the files that decide what is asked; part of the fingerprint."""
        return self.data.questions_files()

    def _facts(self) -> dict[str, str]:
        """Say what of the questions changes numbers and is no fault."""
        return {}

    def shown(self, slice_: str, side: Side, ids: Collection[str]) -> dict[str, ShownItem]:  # noqa: ARG002  # one slice
        """Return the items of questions, or items that are candidates, as a person sees them."""
        if side == "candidate":
            return {name: ShownItem(images=self._photos([name])) for name in ids if name in self.paths}
        return {name: ShownItem(images=self._photos(items)) for name, items in self._given().items() if name in ids}

    def _photos(self, names: Sequence[str]) -> dict[str, Image]:
        """Open the photos of items that are there, numbered where there are several."""
        present = [name for name in names if name not in self.absent]
        said = [f"item {at}" for at in range(1, len(present) + 1)] if len(names) > 1 else ["image"]
        return {what: read_rgb(self.paths[name]) for what, name in zip(said, present, strict=False)}

    @abstractmethod
    def _given(self) -> dict[str, tuple[str, ...]]:
        """Return the items that each question gives, by its id."""

    def embed(self, session: Session, questions: Sequence[Asked]) -> Iterator[tuple[Embeddings, Embeddings]]:
        """Embed the items of each question as queries and as candidates; a question that lacks a photo has none.

        An item that stands in several questions is embedded once. A control that is shown the truth is asked question
        by question, for the truth of an item differs between them.
        """
        whole = [question for question in questions if self.absent.isdisjoint(question.items)]
        parts = [[question] for question in whole] if session.spec.privileged else [whole] if whole else []
        sources = [self._sources(part) for part in parts]
        session.expect_embeddings([[(items, "query"), (items, "candidate")] for items in sources])
        embedded = (self._embed_part(session, part, items) for part, items in zip(parts, sources, strict=True))
        sides: tuple[Embeddings, Embeddings] | None = None
        for question in questions:
            if not self.absent.isdisjoint(question.items):
                yield {}, {}
                continue
            if sides is None or session.spec.privileged:
                sides = next(embedded)
            yield sides

    @staticmethod
    def _embed_part(
        session: Session, questions: Sequence[Asked], items: Sequence[ImageFile]
    ) -> tuple[Embeddings, Embeddings]:
        truth = Truth(positives={name: right for question in questions for name, right in question.truth.items()})
        with session.fold(None, truth) as backend:
            queries, candidates = backend.embed_sides([(items, "query"), (items, "candidate")])
        return _by_item(items, queries), _by_item(items, candidates)

    def _sources(self, questions: Sequence[Asked]) -> list[ImageFile]:
        names = sorted({name for question in questions for name in question.items})
        return [ImageFile(name, self.paths[name]) for name in names]


def _by_item(items: Sequence[ImageFile], rows: NDArray[np.float32]) -> Embeddings:
    vectors = rows.astype(np.float64).reshape(len(rows), -1, rows.shape[-1])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30)
    return {item.id: vector for item, vector in zip(items, vectors, strict=True)}


def max_cosine(query: NDArray[np.float64], candidate: NDArray[np.float64]) -> float:
    """Return the maximum cosine over the unit vectors of a query and a candidate."""
    return float((query @ candidate.T).max())

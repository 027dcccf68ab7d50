"""The oracle of retrieval and captioning: the ground truth as embeddings, pair scores and captions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import BackendError, first_names
from fashionbench_baselines.controls.options import OracleOptions
from fashionbench_baselines.controls.unit_vectors import unit_vector
from fashionbench_baselines.options import read_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role

    Encoded = ImageItem | TextItem | ComposedItem

#: How many dimensions of a vector are random directions; two of them never point the same way.
DIRECTIONS = 256


class Oracle:
    """The truth as embeddings and captions: the cosine of a query is larger for a positive than for anything else.

    Queries with one set of positives share an answer. Where the candidates of an answer belong to no other answer, that
    is, where the qrels are a complete bipartite component, queries and candidates get one random direction of
    :data:`DIRECTIONS` dimensions. Where answers overlap, each takes a dimension of its own: a query is that unit
    vector, and a candidate the normalised sum of the answers that it is part of; their cosine is 1/√n for a candidate
    of n answers, and 0 where it is no positive. Items that the truth does not mention get independent random
    directions. The caption of an image is its first reference.
    """

    def __init__(self, context: BackendContext) -> None:
        self._limit = read_options(OracleOptions, context.options).memory_mib
        self._seed = context.seed
        self._positives: Mapping[str, frozenset[str]] | None = None
        self._axes: dict[Role, dict[str, tuple[int, ...]]] = {"query": {}, "candidate": {}}
        self._names: dict[Role, dict[str, str]] = {"query": {}, "candidate": {}}
        self._dimension = DIRECTIONS
        self._captions: Mapping[str, str] = {}

    def reveal(self, truth: Truth) -> None:
        """Take the truth of the items to come.

        :raises BackendError: where overlapping answers would take more memory than the option ``memory_mib`` allows.
        """
        answers = sorted({answer for answer in truth.positives.values() if answer}, key=sorted)
        memberships = Counter(candidate for answer in answers for candidate in answer)
        overlapping = [answer for answer in answers if any(memberships[candidate] > 1 for candidate in answer)]
        self._dimension = DIRECTIONS + len(overlapping)
        self._refuse_above_limit(len(truth.positives) + len(memberships), len(overlapping))
        axis_of = {answer: DIRECTIONS + number for number, answer in enumerate(overlapping)}
        self._axes = {
            "query": {query: (axis_of[a],) for query, a in truth.positives.items() if a in axis_of},
            "candidate": {},
        }
        for answer, axis in axis_of.items():
            for candidate in answer:
                self._axes["candidate"][candidate] = (*self._axes["candidate"].get(candidate, ()), axis)
        # Any one candidate names a component, for it is in no other.
        name_of = {answer: min(answer) for answer in answers if answer not in axis_of}
        self._names = {
            "query": {query: name_of[a] for query, a in truth.positives.items() if a in name_of},
            "candidate": {candidate: name for answer, name in name_of.items() for candidate in answer},
        }
        self._positives = truth.positives
        self._captions = truth.captions

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:
        """Give each image its place, as [B, D] of norm 1."""
        return self._place(items, role)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:
        """Give each text its place, as [B, D] of norm 1."""
        return self._place(items, role)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Give each composed query its place, as [B, D] of norm 1."""
        return self._place(items, "query")

    def score_pairs(self, items: Sequence[PairItem]) -> NDArray[np.float64]:
        """Score a pair 1 where the candidate answers the query and 0 where it does not, as [B]."""
        positives = self._revealed()
        return np.array([float(item.candidate.id in positives.get(item.query.id, ())) for item in items])

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Give the first reference of each image.

        :raises BackendError: before ``reveal``, or where the truth has no caption of an image.
        """
        self._revealed()
        unknown = [item.id for item in items if item.id not in self._captions]
        if unknown:
            msg = f"the oracle was shown no caption of {first_names(unknown)}"
            raise BackendError(msg, remedy="leave the oracle out of tasks whose images have no reference")
        return [self._captions[item.id] for item in items]

    def _place(self, items: Sequence[Encoded], role: Role) -> NDArray[np.float32]:
        self._revealed()
        out = np.zeros((len(items), self._dimension), dtype=np.float32)
        for row, item in enumerate(items):
            axes = self._axes[role].get(item.id)
            if axes is not None:
                out[row, list(axes)] = len(axes) ** -0.5
                continue
            name = self._names[role].get(item.id)
            key = (role, item.id) if name is None else ("component", name)
            out[row, :DIRECTIONS] = unit_vector(DIRECTIONS, self._seed, *key)
        return out

    def _revealed(self) -> Mapping[str, frozenset[str]]:
        if self._positives is None:
            raise BackendError("the oracle was asked before it was shown the truth", remedy="call reveal() first")
        return self._positives

    def _refuse_above_limit(self, items: int, overlapping: int) -> None:
        needed = items * self._dimension * np.dtype(np.float32).itemsize / 2**20
        if overlapping and needed > self._limit:
            msg = (
                f"{overlapping} overlapping answers take {self._dimension} dimensions, "
                f"which is {needed:.0f} MiB for the {items} queries and candidates of the truth"
            )
            raise BackendError(msg, remedy=f"raise the option memory_mib above {self._limit}, or limit the queries")

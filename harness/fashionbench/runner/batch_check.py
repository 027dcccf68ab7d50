"""Ask a backend for a handful of items again in another batch and order, for an answer must not depend on neighbours.

A model that normalises over its batch, pads to its longest text, or mixes up rows gives numbers that nobody can have
again. What differs by more than the tolerance is a finding of the record, with the size of the difference.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError, as_error, first_names, message_of
from fashionbench.files import stop_if_full
from fashionbench.records.path_names import without_paths
from fashionbench.records.schema import PolicyFinding
from fashionbench.runner.batching import out_of_memory
from fashionbench.specs.capabilities import GENERATES, METHODS, Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.embedding_cache import EmbeddingCache

#: How far two answers to one item may be apart: of embeddings relative to their length, of scores relative to their
#: spread, of images as a mean over their values; a caption is the same or another one.
TOLERANCE = {"caption": 0.0, **dict.fromkeys(GENERATES, 0.004)}
_TOLERANCE = 1e-3
#: Batches of other sizes are added up in another order: eight roundings of the types of which a value has two bytes.
_OF_PRECISION = {"float16": 8 * 2.0**-11, "bfloat16": 8 * 2.0**-9}
_NAMES = {"half": "float16", "fp16": "float16", "bf16": "bfloat16"}
#: How many items are asked for again; those that cost much are fewer, and of small sets none.
_FEW, _ONE, _ENOUGH_IMAGES = 3, 1, 16
_WHAT = {
    "caption": "of the captions", "score-pairs": "of the spread of scores",
    **dict.fromkeys(GENERATES, "of the values of a pixel"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchDifference:
    """How far answers to items were apart that were asked for in two batches.

    :param failure: what the backend raised instead of a second answer.
    :param precision: of what the backend computes in, where it says so and it is a type of two bytes.
    """

    capability: Capability
    items: tuple[str, ...]
    size: float
    failure: str = ""
    precision: str = ""

    def checksum(self, key: str) -> str:
        """Hash it with the key that it is kept under, for a cache is memory and no truth."""
        return digest([key, asdict(self)])

    @property
    def finding(self) -> PolicyFinding | None:
        """What a reader must know; None where the answers are the same."""
        method, names = METHODS[self.capability], first_names(self.items)
        if self.failure:
            return PolicyFinding(kind="batch", message=f"{method} fails in another batch ({names}): {self.failure}")
        if self.size <= self.tolerance:
            return None
        more = f", and rounding of {self.precision} explains {self.tolerance:.2%}" if self.is_rounded else ""
        return PolicyFinding(
            kind="batch", message=f"{method} depends on the batch: {self.size:.2%} {self._what} differ{more} ({names})"
        )

    @property
    def tolerance(self) -> float:
        """How far apart answers may be."""
        return TOLERANCE.get(self.capability, _OF_PRECISION.get(self.precision, _TOLERANCE))

    @property
    def is_rounded(self) -> bool:
        """Whether more is tolerated, for the backend computes with few digits."""
        return self.capability not in TOLERANCE and self.precision in _OF_PRECISION

    @property
    def allowance(self) -> str:
        """What the record says of a backend of which more is tolerated than of others."""
        found = f"{self.size:.2%} {self._what} differ"
        return f"{found}; {self.tolerance:.2%} is tolerated, the rounding of {self.precision}"

    @property
    def _what(self) -> str:
        return _WHAT.get(self.capability, "of the length of an embedding")


def precision_of(backend: object) -> str:
    """Return the type that a backend says it computes in, where a value of it has two bytes; else an empty text.

    It says so in ``preprocessing["dtype"]``, which the record holds, or in an attribute ``dtype``.
    """
    try:
        said = getattr(backend, "preprocessing", None)
        told = said.get("dtype") if isinstance(said, dict) else None
        name = str(getattr(backend, "dtype", "") if told is None else told).rpartition(".")[2]
    except BaseException as raised:  # it is asked again at the end, and what it raises is a finding then
        as_error(raised)
        return ""
    name = _NAMES.get(name, name)
    return name if name in _OF_PRECISION else ""


class BatchCheck:
    """What a session finds of answers in other batches; each kind of answer is compared once a fold of a backend."""

    def __init__(self) -> None:
        self.found: list[BatchDifference] = []
        self._asked: set[str] = set()
        self._compared: set[str] = set()
        self._precision = ""

    def begin(self, precision: str = "") -> None:
        """Begin with a backend that was built anew.

        :param precision: what :func:`precision_of` returns of it.
        """
        self._precision = precision
        self._asked.clear()
        self._compared.clear()

    def asked(self, kind: str) -> None:
        """Take note that the backend, and not a cache, gave answers of a kind."""
        self._asked.add(kind)

    def compare(
        self,
        kind: str,
        capability: Capability,
        sources: Sequence[Source],
        answers: Mapping[int, Any],
        ask: Callable[[Sequence[Source]], Iterable[Any]],
        *,
        spread: float = 1.0,
        cache: EmbeddingCache | None = None,
        owner: str | None = None,
    ) -> None:
        """Ask for some items again, and keep how far the answers are from those that were given before.

        Where no answer came from the backend itself, what an earlier run noted in the cache is taken.

        :param kind: the capability, and what else makes answers of another kind, such as a role.
        :param answers: by position, those that are asked for again, in that order.
        :param spread: of all scores.
        :param owner: whose answers the cache holds; None where it holds none.
        """
        if kind in self._compared:
            return
        self._compared.add(kind)
        key = digest(["batch", owner, kind])
        known = _noted(cache, key) if cache is not None and owner is not None else None
        if (known is None or kind in self._asked) and answers:
            known = _compared(capability, [sources[at] for at in answers], list(answers.values()), ask, spread)
            known = known and replace(known, precision=self._precision)
            if known is not None and cache is not None and owner is not None:
                cache.note(key, json.dumps({**asdict(known), "checksum": known.checksum(key)}))
        self.found += [known] if known is not None else []


def chosen(capability: Capability, count: int, batch_size: int) -> list[int]:
    """Choose which of so many items are asked for again, in the order in which they are: from the ends and the middle.

    They are never the whole of a batch that was asked for before.
    """
    if capability in GENERATES:
        wanted = _ONE if count >= _ENOUGH_IMAGES else 0
    else:
        wanted = _ONE if capability == "caption" else _FEW
    # No more than what fits in memory, and two where each item was a batch of its own.
    wanted = 2 if wanted and batch_size == 1 else min(wanted, batch_size)
    wanted = min(wanted, count - 1)
    spread = [count // 2] if wanted == 1 else [round(at * (count - 1) / (wanted - 1)) for at in range(wanted)]
    return list(reversed(spread)) if wanted > 0 else []


def spread_of(scores: NDArray[np.float32]) -> float:
    """Return how far the least and the greatest score are apart, or how great they are where all are equal."""
    return float(np.ptp(scores)) or float(np.abs(scores).max()) or 1.0


def _compared(
    capability: Capability,
    items: Sequence[Source],
    answers: Sequence[Any],
    ask: Callable[[Sequence[Source]], Iterable[Any]],
    spread: float,
) -> BatchDifference | None:
    names = tuple(item.id for item in items)
    try:
        again = ask(items)
    except Exception as error:
        stop_if_full(error)
        # Where memory runs out with so many items there is no other batch.
        failure = without_paths(message_of(error))
        return None if out_of_memory(error) else BatchDifference(capability, names, 0.0, failure)
    sizes = [_distance(capability, old, new, spread) for old, new in zip(answers, again, strict=True)]
    return BatchDifference(capability, names, max(sizes))


def _noted(cache: EmbeddingCache, key: str) -> BatchDifference | None:
    try:
        fields = json.loads(cache.noted(key) or "")
        found = BatchDifference(
            fields["capability"], tuple(fields["items"]), fields["size"], fields["failure"], fields["precision"]
        )
        return found if fields["checksum"] == found.checksum(key) else None
    except (ValueError, KeyError, TypeError, FashionBenchError):
        return None


def _distance(capability: Capability, old: Any, new: Any, spread: float) -> float:
    if capability == "caption":
        return float(old != new)
    one, two = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    if one.shape != two.shape:
        return 1.0
    if capability in TOLERANCE:
        return float(np.abs(one - two).mean() / 255)
    if capability == "score-pairs":
        return float(np.abs(one - two).max() / spread)
    length = max(float(np.linalg.norm(one)), float(np.linalg.norm(two)))
    return float(np.linalg.norm(one - two)) / length if length else 0.0

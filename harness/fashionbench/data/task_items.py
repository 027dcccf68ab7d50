"""The ids that predictions of a task must name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What is asked for each item: a ranking of the gallery, a caption, or an image.
Answer: TypeAlias = Literal["ranking", "caption", "image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskItems:
    """The items of a task, by slice.

    :param asked: ids of queries, or of images to caption or to generate.
    :param gallery: ids of candidates, of a retrieval.
    """

    answer: Answer
    asked: Mapping[str, Sequence[str]]
    gallery: Mapping[str, Sequence[str]] = field(default_factory=dict)


@runtime_checkable
class HasItems(Protocol):
    """A task whose predictions may come from files."""

    def items(self) -> TaskItems:
        """Return its ids as the annotations list them; no image is needed."""
        ...

"""Items of a task as a person sees them: texts and images, for pages and not for measuring."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from fashionbench.data.items import ComposedItem, ImageItem, TextItem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from PIL.Image import Image

    from fashionbench.data.items import Item

Side: TypeAlias = Literal["query", "candidate"]


def _no_images() -> Mapping[str, Image]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """What there is to see of an item.

    :param images: by what they show, such as ``image``, ``reference`` or ``person``.
    """

    text: str = ""
    images: Mapping[str, Image] = field(default_factory=_no_images)

    @classmethod
    def of(cls, item: Item) -> ShownItem:
        """Show an image, a text, or a composed query."""
        if isinstance(item, ImageItem):
            return cls(images={"image": item.image})
        if isinstance(item, ComposedItem):
            boxed = {} if item.box is None else {"box": item.anchor}
            return cls(text=item.text, images={"reference": item.image, **boxed})
        return cls(text=item.text) if isinstance(item, TextItem) else cls()


@runtime_checkable
class ShowsItems(Protocol):
    """A task that can show its items to people."""

    def shown(self, slice_: str, side: Side, ids: Collection[str]) -> Mapping[str, ShownItem]:
        """Return those items of a slice that the task has; for tasks without candidates, the side is ``query``."""
        ...

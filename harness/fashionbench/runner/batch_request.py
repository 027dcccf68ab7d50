"""One batch that a backend is asked for, and the call that answers it: the input guarded, the answer checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.data.items import ComposedItem, GenerationItem, ImageItem, Item, TextItem, generated_size
from fashionbench.data.lazy_items import ComposedFile, ImageFile, Source, opened
from fashionbench.errors import BackendError
from fashionbench.runner.guard import (
    InputGuard,
    checked_embeddings,
    checked_images,
    checked_scores,
    checked_texts,
    named,
)
from fashionbench.specs.capabilities import METHODS, Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ENCODES: dict[type[Any], Capability] = {
    ImageItem: "encode-image",
    ImageFile: "encode-image",
    TextItem: "encode-text",
    ComposedItem: "encode-composed",
    ComposedFile: "encode-composed",
}


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch, and what is asked of it.

    :param argument: the role for encoders of images and texts, the instruction for captions; None for the rest.
    :param items: opens the items in this process.
    :param guard: of the items, where they are open already.
    """

    capability: Capability
    argument: str | None
    sources: Sequence[Source]
    items: Callable[[], list[Item]]
    guard: InputGuard | None = None


def answered(
    backend: object, capability: Capability, argument: str | None, items: list[Item], guard: InputGuard | None = None
) -> Any:
    """Ask a backend for a batch.

    :returns: embeddings as float32 [B, D] or [B, Q, D], scores as float32 [B], texts, or RGB images.
    :raises BackendError: where the backend breaks its contract, or cannot embed this kind.
    """
    check_kind(capability, items)
    guard = guard or InputGuard(items)
    method = METHODS[capability]
    result = getattr(backend, method)(items, *(() if argument is None else (argument,)))
    guard.verify(method)
    match capability:
        case "encode-image" | "encode-text" | "encode-composed":
            return checked_embeddings(method, result, items)
        case "score-pairs":
            return checked_scores(method, result, items)
        case "caption":
            return checked_texts(method, result, items)
        case _:
            sizes = [generated_size(item) for item in items if isinstance(item, GenerationItem)]
            return checked_images(method, result, items, sizes)


def check_kind(capability: Capability, items: Sequence[Item]) -> None:
    """Check that all items of a batch that is to be embedded are of its kind.

    :raises BackendError: naming those that are not.
    """
    stray = [item for item in items if capability.startswith("encode-") and _ENCODES.get(type(item)) != capability]
    if stray:
        raise BackendError(f"{named(stray)} cannot be embedded with the rest by {METHODS[capability]}")


def capability_of(source: Source) -> Capability:
    """Return the capability that embeds an item; a file is not read for that."""
    return _ENCODES.get(type(source)) or _ENCODES[type(opened(source))]

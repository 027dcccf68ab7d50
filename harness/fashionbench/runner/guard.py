"""Check what a backend returned before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.item_hash import item_hash
from fashionbench.errors import BackendError, first_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import Item


def checked_embeddings(method: str, result: object, items: Sequence[Item]) -> NDArray[np.float32]:
    """Check embeddings [B, D] or [B, Q, D] and return them as float32.

    :raises BackendError: for another count, another number of dimensions, a type without numbers, NaN or infinity.
    """
    array = _rows(method, result, items)
    if array.ndim not in {2, 3} or 0 in array.shape[1:]:
        msg = f"{method} returned the shape {array.shape} for {len(items)} items ({named(items)})"
        raise BackendError(msg, remedy="return [B, D], or [B, Q, D] for a multi-vector model")
    return _finite(method, array, items)


def checked_scores(method: str, result: object, items: Sequence[Item]) -> NDArray[np.float32]:
    """Check scores [B] and return them as float32.

    :raises BackendError: as for embeddings.
    """
    array = _rows(method, result, items)
    if array.ndim != 1:
        msg = f"{method} returned the shape {array.shape} for {len(items)} items ({named(items)})"
        raise BackendError(msg, remedy="return one score an item, [B]")
    return _finite(method, array, items)


def checked_texts(method: str, result: object, items: Sequence[Item]) -> list[str]:
    """Check a list of texts.

    :raises BackendError: for another count, or an element that is no string.
    """
    if not isinstance(result, (list, tuple)) or len(result) != len(items):
        got = f"{len(result)} texts" if isinstance(result, (list, tuple)) else type(result).__name__
        raise BackendError(f"{method} returned {got} for {len(items)} items ({named(items)})")
    wrong = [item for item, text in zip(items, result, strict=True) if not isinstance(text, str)]
    if wrong:
        raise BackendError(f"{method} returned something else than text for {named(wrong)}")
    return [str(text) for text in result]


def checked_images(
    method: str, result: object, items: Sequence[Item], sizes: Sequence[tuple[int, int]]
) -> list[NDArray[np.uint8]]:
    """Check RGB images, one of the given (width, height) an item.

    :raises BackendError: for another count, type, or size.
    """
    if not hasattr(result, "__len__") or len(result) != len(items):
        raise BackendError(f"{method} did not return one image for each of {len(items)} items ({named(items)})")
    images = [np.asarray(image) for image in result]  # type: ignore[attr-defined]
    for item, image, (width, height) in zip(items, images, sizes, strict=True):
        if image.dtype != np.uint8 or image.shape != (height, width, 3):
            msg = f"{method} returned {image.dtype} {image.shape} for {item.id}"
            raise BackendError(msg, remedy=f"return uint8 RGB of the person's size, ({height}, {width}, 3)")
    return images


class InputGuard:
    """Notice that a backend changed what it was given.

    :param items: the batch, before it is handed over.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self.hashes = [item_hash(item) for item in items]

    def verify(self, method: str) -> None:
        """Compare with the batch as it is now.

        :raises BackendError: naming the items that were changed.
        """
        changed = [item for item, before in zip(self._items, self.hashes, strict=True) if item_hash(item) != before]
        if changed:
            msg = f"{method} changed its input ({named(changed)})"
            raise BackendError(msg, remedy="copy an image before drawing on it")


def named(items: Sequence[Item]) -> str:
    """List the ids of items, the first few of many."""
    return first_names([item.id for item in items])


def _rows(method: str, result: object, items: Sequence[Item]) -> NDArray[Any]:
    if isinstance(result, np.ma.MaskedArray):
        raise BackendError(f"{method} returned a masked array", remedy="fill what is masked, or return fewer items")
    try:
        array = np.asarray(result)
    except (TypeError, RuntimeError, ValueError) as error:  # such as a tensor with a gradient, of bfloat16, on a GPU
        msg = f"{method} returned {type(result).__name__}, which is no NumPy array: {error}"
        raise BackendError(msg, remedy="return tensor.detach().float().cpu().numpy()") from error
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        msg = f"{method} returned {type(result).__name__} of {array.dtype}"
        raise BackendError(msg, remedy="return a NumPy array of floats; call .float().cpu().numpy() on a tensor")
    if array.ndim == 0 or len(array) != len(items):
        count = "no rows" if array.ndim == 0 else f"{len(array)} rows"
        raise BackendError(f"{method} returned {count} for {len(items)} items ({named(items)})")
    return array


def _finite(method: str, array: NDArray[Any], items: Sequence[Item]) -> NDArray[np.float32]:
    single = array.astype(np.float32)
    good = np.atleast_1d(np.isfinite(single.reshape(len(single), -1)).all(axis=1))
    if not good.all():
        wrong = [item for item, fine in zip(items, good, strict=True) if not fine]
        msg = f"{method} returned NaN or infinity for {named(wrong)}"
        raise BackendError(msg, remedy="look for a division by a zero norm, or for half-precision overflow")
    return single

"""Check what a backend returned before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import PairItem
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
    images = [_pixels(method, image) for image in result]  # type: ignore[attr-defined]
    for item, image, (width, height) in zip(items, images, sizes, strict=True):
        if image.dtype != np.uint8 or image.shape != (height, width, 3):
            msg = f"{method} returned {image.dtype} {image.shape} for {item.id}"
            raise BackendError(msg, remedy=f"return uint8 RGB of the person's size, ({height}, {width}, 3)")
    return images


def _pixels(method: str, image: object) -> NDArray[Any]:
    _refuse_kind(method, image)
    try:
        return np.asarray(image)
    except (TypeError, RuntimeError, ValueError) as error:  # such as a tensor on a GPU
        msg = f"{method} returned {type(image).__name__}, which is no image: {error}"
        raise BackendError(msg, remedy="return a NumPy array of uint8, or a PIL image in RGB") from error


class InputGuard:
    """Notice that a backend changed what it was given: the list, an item's id, or what the item holds.

    :param items: the batch, before it is handed over.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._handed = items
        self._items = tuple(items)
        self._ids = [_ids(item) for item in items]
        self.hashes = [item_hash(item) for item in items]

    def verify(self, method: str) -> None:
        """Compare with the batch as it is now.

        :raises BackendError: naming the items that were changed.
        """
        handed = self._handed
        if len(handed) != len(self._items) or any(a is not b for a, b in zip(handed, self._items, strict=True)):
            msg = f"{method} changed the list of its items ({first_names([ids[0] for ids in self._ids])})"
            raise BackendError(msg, remedy="copy the list before sorting or cutting it")
        renamed = [old[0] for item, old in zip(self._items, self._ids, strict=True) if _ids(item) != old]
        if renamed:
            msg = f"{method} changed the ids of its items ({first_names(renamed)})"
            raise BackendError(msg, remedy="make an item of your own instead")
        changed = [item for item, before in zip(self._items, self.hashes, strict=True) if item_hash(item) != before]
        if changed:
            msg = f"{method} changed its input ({named(changed)})"
            raise BackendError(msg, remedy="copy an image before drawing on it")


def _ids(item: Item) -> tuple[str, ...]:
    """Return the ids of an item, its own first."""
    return (item.id, item.query.id, item.candidate.id) if isinstance(item, PairItem) else (item.id,)


def named(items: Sequence[Item]) -> str:
    """List the ids of items, the first few of many."""
    return first_names([item.id for item in items])


def _rows(method: str, result: object, items: Sequence[Item]) -> NDArray[Any]:
    _refuse_kind(method, result)
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


def _refuse_kind(method: str, result: object) -> None:
    """Refuse arrays that are more than their numbers, which would be dropped: a mask, a unit, another meaning of ``*``.

    A list of rows is looked at row by row.
    """
    for value in result if isinstance(result, (list, tuple)) else (result,):
        if isinstance(value, np.ma.MaskedArray):
            remedy = "fill what is masked, for each item has an answer"
            raise BackendError(f"{method} returned a masked array", remedy=remedy)
        if isinstance(value, np.ndarray) and type(value) not in {np.ndarray, np.memmap}:
            msg = f"{method} returned a {type(value).__name__}, which is a kind of NumPy array of its own"
            raise BackendError(msg, remedy="return np.asarray of it")


def _finite(method: str, array: NDArray[Any], items: Sequence[Item]) -> NDArray[np.float32]:
    single = array.astype(np.float32)
    good = np.atleast_1d(np.isfinite(single.reshape(len(single), -1)).all(axis=1))
    if not good.all():
        wrong = [item for item, fine in zip(items, good, strict=True) if not fine]
        msg = f"{method} returned NaN or infinity for {named(wrong)}"
        raise BackendError(msg, remedy="look for a division by a zero norm, or for half-precision overflow")
    return single

"""Round embeddings to float16 once, as they come from a backend, so that what is ranked is what a file can keep.

Rounding is that of IEEE 754 binary16: to the nearest, ties to even; up to 65,504 with 11 significant bits, and in steps
of 2**-24 below 2**-14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import BackendError, first_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source

#: The greatest finite number of the type.
LARGEST = 65504


def half_rows(method: str, rows: NDArray[np.float32], sources: Sequence[Source]) -> NDArray[np.float32]:
    """Round embeddings [B, D] or [B, Q, D] to numbers that float16 has, and return them as float32.

    A number that is nearer to 0 than to the least one of the type becomes -0.0, and every other zero 0.0, so that
    :func:`underflows` counts the same wherever rows were kept. Zeros of both signs are equal and give equal products.

    :raises BackendError: where a number is beyond the greatest one of the type, naming the items.
    """
    with np.errstate(over="ignore", under="ignore"):
        half = rows.astype(np.float16)
    finite = np.atleast_1d(np.isfinite(half).reshape(len(half), -1).all(axis=1))
    if not finite.all():
        wrong = first_names([source.id for source, fine in zip(sources, finite, strict=True) if not fine])
        most = float(np.abs(rows).max())
        msg = f"{method} returned {most:,.0f} in size, and float16 ends at {LARGEST:,} ({wrong})"
        raise BackendError(msg, remedy="run with embedding_dtype: float32, or let the backend return unit vectors")
    single = half.astype(np.float32)
    zero = single == 0
    single[zero] = np.where(rows[zero] == 0, np.float32(0.0), np.float32(-0.0))
    return single


def underflows(rows: NDArray[np.float32]) -> int:
    """Count numbers of rounded embeddings that became 0 and were none."""
    return int(np.count_nonzero(np.signbit(rows) & (rows == 0)))

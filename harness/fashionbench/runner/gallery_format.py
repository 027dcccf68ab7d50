"""How the rows of a gallery lie in its file: the type of their numbers, and what is named after it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.runner.embedding_dtype import EmbeddingDtype


@dataclass(frozen=True, slots=True)
class GalleryFormat:
    """The form of one gallery's rows; what is computed of them is float32.

    :param dtype: of the numbers in the file, in the byte order of the machine.
    """

    dtype: EmbeddingDtype = "float32"

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> GalleryFormat:
        """Return the form of a gallery by its file of facts, which names a type where it is not float32.

        :raises ValueError: for a type that is unknown.
        """
        dtype = facts.get("dtype", "float32")
        if dtype not in {"float32", "float16"}:
            raise ValueError(f"unknown type {dtype!r}")
        return cls(dtype)

    @property
    def facts(self) -> dict[str, str]:
        """What the file of facts says of it."""
        return {} if self.dtype == "float32" else {"dtype": self.dtype}

    @property
    def file(self) -> str:
        """The name of the file of rows."""
        return "rows.f16" if self.dtype == "float16" else "rows.f32"

    def row_bytes(self, shape: Sequence[int]) -> int:
        """Return what one row takes."""
        return prod(shape) * np.dtype(self.dtype).itemsize

    def packed(self, rows: NDArray[np.float32]) -> bytes:
        """Return the bytes of rows, whose numbers the type has."""
        return np.ascontiguousarray(rows, self.dtype).tobytes()

    def unpacked(self, content: bytes) -> NDArray[np.float32]:
        """Return the numbers of some bytes."""
        return np.frombuffer(content, self.dtype).astype(np.float32, copy=False)

"""Random unit vectors that depend on a key and on nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def uniform(count: int, *key: str | int) -> NDArray[np.float64]:
    """Draw numbers in (0, 1] from SHAKE-256 of the key, 53 bits each.

    The stream of a NumPy generator may change between releases; a hash may not, and it needs no state, so that a draw
    depends on no batch, order or process.
    """
    bits = hashlib.shake_256(json.dumps(key).encode()).digest(8 * count)
    words = np.frombuffer(bits, dtype="<u8") >> np.uint64(11)
    return (words.astype(np.float64) + 1.0) * 2.0**-53


def unit_vector(dimension: int, *key: str | int) -> NDArray[np.float32]:
    """Draw a direction that is uniform on the sphere: a standard normal vector, normalised, as [dimension].

    The normal variates are made by Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    """
    half = (dimension + 1) // 2
    draws = uniform(2 * half, *key)
    radius, angle = np.sqrt(-2.0 * np.log(draws[:half])), 2.0 * np.pi * draws[half:]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:dimension]
    unit: NDArray[np.float32] = (normal / np.linalg.norm(normal)).astype(np.float32)
    return unit

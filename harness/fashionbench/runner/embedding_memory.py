"""Embeddings of one cell in memory, so that an item that stands on both sides of a retrieval is encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.specs.capabilities import Capability, Role

#: How far the embeddings of one item in both roles may be apart, as one minus their cosine.
ROLE_TOLERANCE = 1e-3


class EmbeddingMemory:
    """Rows by capability, role and item; the role counts only where the backend says that roles differ."""

    def __init__(self, *, roles_differ: bool) -> None:
        self._roles_differ = roles_differ
        self._rows: dict[tuple[Capability, str, Hashable], NDArray[np.float32]] = {}
        self._roles: dict[Capability, Role] = {}
        self._compared: set[Capability] = set()

    def role(self, role: Role) -> str:
        """Return the role as it counts in a key."""
        return role if self._roles_differ else "any"

    def get(self, capability: Capability, role: Role, batch: Sequence[Source]) -> NDArray[np.float32] | None:
        """Return the rows of a batch, or None where one of them is not known."""
        rows = [self._rows.get((capability, self.role(role), source_key(source))) for source in batch]
        known = [row for row in rows if row is not None]
        return np.stack(known) if len(known) == len(batch) and len({row.shape for row in known}) == 1 else None

    def put(self, capability: Capability, role: Role, batch: Sequence[Source], rows: NDArray[np.float32]) -> None:
        """Keep the rows of a batch."""
        self._roles.setdefault(capability, role)
        for source, row in zip(batch, rows, strict=True):
            self._rows[capability, self.role(role), source_key(source)] = row

    def must_compare(self, capability: Capability, role: Role) -> bool:
        """Tell whether rows of the other role are about to be taken for this one, for the first time."""
        other = self._roles.get(capability, role) != role
        return not self._roles_differ and other and capability not in self._compared

    def compare(self, capability: Capability, known: NDArray[np.float32], row: NDArray[np.float32], name: str) -> None:
        """Compare the embeddings of one item in both roles.

        :raises BackendError: where they differ, and the specification does not say so.
        """
        self._compared.add(capability)
        one, two = known.astype(np.float64).ravel(), row.astype(np.float64).ravel()
        norms = float(np.linalg.norm(one) * np.linalg.norm(two))
        same = one.shape == two.shape and (norms == 0 or 1 - float(one @ two) / norms <= ROLE_TOLERANCE)
        if not same:
            msg = f"{name} is embedded otherwise as a query than as a candidate"
            remedy = "declare roles_differ=True in the backend's specification; each role is then encoded by itself"
            raise BackendError(msg, remedy=remedy)


def source_key(source: Source) -> Hashable:
    """Name an item by id and content: a text or a file by its words or path, an image in memory by its pixels."""
    if isinstance(source, TextItem):
        return source
    if isinstance(source, (ImageItem, ComposedItem)):
        return source.id, item_hash(source)
    try:
        return source.id, hash(source)
    except TypeError:
        return source.id, id(source)

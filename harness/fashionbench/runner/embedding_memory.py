"""Embeddings of one cell in memory, so that an item that stands on both sides of a retrieval is encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import BackendError
from fashionbench.runner.source_key import source_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.stored_gallery import StoredGallery
    from fashionbench.specs.capabilities import Capability, Role

#: How far the embeddings of one item in both roles may be apart, as one minus their cosine.
ROLE_TOLERANCE = 1e-3


class EmbeddingMemory:
    """Rows by capability, role and item; the role counts only where the backend says that roles differ."""

    def __init__(self, *, roles_differ: bool) -> None:
        self._roles_differ = roles_differ
        self._rows: dict[tuple[Capability, str, Hashable], NDArray[np.float32]] = {}
        self._galleries: dict[tuple[Capability, str], list[StoredGallery]] = {}
        self._roles: dict[Capability, Role] = {}
        self._compared: set[Capability] = set()

    def role(self, role: Role) -> str:
        """Return the role as it counts in a key."""
        return role if self._roles_differ else "any"

    def get(self, capability: Capability, role: Role, batch: Sequence[Source]) -> NDArray[np.float32] | None:
        """Return the rows of a batch, or None where one of them is not known."""
        rows: list[NDArray[np.float32]] = []
        for source in batch:
            row = self._row(capability, self.role(role), source)
            if row is None or (rows and row.shape != rows[0].shape):
                return None
            rows.append(row)
        return np.stack(rows) if rows else None

    def _row(self, capability: Capability, role: str, source: Source) -> NDArray[np.float32] | None:
        key = source_key(source)
        row = self._rows.get((capability, role, key))
        for gallery in self._galleries.get((capability, role), ()) if row is None else ():
            row = gallery.find(source, key)
            if row is not None:
                break
        return row

    def hold(self, capability: Capability, role: Role, gallery: StoredGallery) -> None:
        """Take the rows of a gallery that are in a file, now and as more of them are added."""
        self._roles.setdefault(capability, role)
        self._galleries.setdefault((capability, self.role(role)), []).append(gallery)

    def held(self, capability: Capability, role: Role, sources: Sequence[Source]) -> StoredGallery | None:
        """Return the gallery of these very items; None where there is none, or it lacks some."""
        galleries = self._galleries.get((capability, self.role(role)), ())
        return next((gallery for gallery in galleries if gallery.holds(sources)), None)

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

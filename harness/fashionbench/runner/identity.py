"""Identity of a cell: everything that decides its predictions, as a frozen value with one hash.

Metric implementations are no part of it: metrics are functions of the stored predictions, and are computed anew from
them when an implementation changes. The fingerprint of the data joins when the data are opened.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.runner.code_hash import MEASUREMENT_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.runner.embedding_dtype import EmbeddingDtype


@dataclass(frozen=True, slots=True)
class TaskIdentity:
    """The task's part.

    :param protocol: hash of the protocol card.
    :param options: arguments of the task's target.
    :param code: hash of the code behind the task's target.
    :param dataset: id of the data set.
    """

    id: str
    protocol: str
    options: Mapping[str, Any]
    code: str
    dataset: str


@dataclass(frozen=True, slots=True)
class BackendIdentity:
    """The backend's part.

    :param options: the options as they will be used, with the hash of its content in the place of a path to a model.
    :param code: hash of the code behind the backend's target.
    """

    id: str
    revision: str
    options: Mapping[str, Any]
    code: str


@dataclass(frozen=True, slots=True)
class CellIdentity:
    """One backend on one task with one seed.

    :param limit: the number of items after which the cell is cut, or None.
    :param measurement: version of the core's measuring code.
    :param embedding_dtype: what embeddings are rounded to; float32 is no part of any hash.
    """

    task: TaskIdentity
    backend: BackendIdentity
    seed: int
    limit: int | None
    measurement: str = MEASUREMENT_VERSION
    embedding_dtype: EmbeddingDtype = "float32"

    def cell_id(self, fingerprint: str) -> str:
        """Return the cell id, ``sha256:…``, given the fingerprint of the data."""
        values = _plain(self)
        if self.embedding_dtype == "float32":
            del values["embedding_dtype"]
        return digest({**values, "fingerprint": fingerprint})

    def question(self, fingerprint: str) -> str:
        """Return the seed text of this cell's intervals: the same for the same question, whatever the code."""
        options = digest(self.backend.options)
        return digest([self.task.protocol, fingerprint, self.backend.id, options, self.seed])

    def embedding_owner(self) -> str:
        """Return what an embedding depends on besides its item, and besides what the backend's fingerprint adds."""
        return embedding_owner(self.backend, self.seed, self.measurement, self.embedding_dtype)

    def with_options(self, options: Mapping[str, Any]) -> CellIdentity:
        """Return the identity with some of the backend's options replaced."""
        return replace(self, backend=replace(self.backend, options={**self.backend.options, **options}))


def embedding_owner(
    backend: BackendIdentity, seed: int, measurement: str, embedding_dtype: EmbeddingDtype = "float32"
) -> str:
    """Return what an embedding of a backend depends on besides its item, and besides the backend's fingerprint."""
    rounded = {} if embedding_dtype == "float32" else {"embedding_dtype": embedding_dtype}
    return digest({"backend": _plain(backend), "seed": seed, "measurement": measurement, **rounded})


def _plain(part: CellIdentity | TaskIdentity | BackendIdentity) -> dict[str, Any]:
    """Write an identity as plain data."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    parts = (TaskIdentity, BackendIdentity)
    return {name: _plain(value) if isinstance(value, parts) else value for name, value in values.items()}

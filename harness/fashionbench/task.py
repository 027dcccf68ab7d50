"""What a task is to the runner."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from fashionbench.data.training import TrainingData
    from fashionbench.runner.session import Session


def _none() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DataInfo:
    """The data of a task as they were found on this machine.

    :param fingerprint: ``sha256:`` over the contents of every file.
    :param sizes: counts by name, such as ``queries`` and ``gallery``.
    :param missing: items that the data set lists and that were not there.
    :param unreadable: items whose file could not be decoded, with the reason.
    :param synthetic: whether a generated twin stands in for the real data.
    :param facts: what else was found and changes numbers, such as the hash of candidate lists or the source of masks.
    """

    fingerprint: str
    sizes: Mapping[str, int]
    missing: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=_none)
    synthetic: bool = False
    facts: Mapping[str, str] = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a backend answered, in a form that metrics can be computed from without the backend.

    :param schema_id: the columns and their meaning, such as ``ranking/1``.
    """

    schema_id: str
    table: pa.Table


@runtime_checkable
class Trainable(Protocol):
    """A task with a training part that a trainer may ask for."""

    def training(self) -> TrainingData | None:
        """Return the training part; None where there is none.

        :raises ConfigError: where there are several, one a fold.
        """
        ...

    def evaluated(self) -> frozenset[str]:
        """Return the ids of all images that the task measures with, which no training part may hold."""
        ...


class Task(Protocol):
    """A task that is ready to run; made by the target of its specification."""

    def info(self) -> DataInfo:
        """Find and fingerprint the data.

        :raises DataError: where they are missing or damaged beyond use.
        """
        ...

    def predict(self, session: Session) -> Predictions:
        """Ask the backend, through the session, for every answer that the metrics need."""
        ...

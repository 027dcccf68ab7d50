"""A task with a training part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from fashionbench.data.info import DataInfo
    from fashionbench.data.training_examples import TrainingData


@runtime_checkable
class Trainable(Protocol):
    """A task with a training part that a trainer may ask for."""

    def info(self) -> DataInfo:
        """Find and fingerprint the data.

        :raises DataError: where they are missing or damaged beyond use.
        """
        ...

    def training(self) -> TrainingData | None:
        """Return the training part; None where there is none.

        :raises ConfigError: where there are several, one a fold.
        """
        ...

    def evaluated(self) -> frozenset[str]:
        """Return the ids of all images that the task measures with, which no training part may hold."""
        ...

"""What a task is to the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from fashionbench.data.info import DataInfo
    from fashionbench.data.task_images import TaskImages
    from fashionbench.predictions.base import Predictions
    from fashionbench.runner.session import Session


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


@runtime_checkable
class HasImages(Protocol):
    """A task whose predictions are images, which metrics compare with images of its data."""

    def images(self) -> TaskImages:
        """Return the images of its data, at the protocol's size."""
        ...

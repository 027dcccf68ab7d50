"""The captions of a training part, and the errors of a baseline that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from fashionbench.data.training_examples import TrainingData


def training_captions(training: TrainingData) -> list[str]:
    """List the captions of the training pairs.

    :raises BackendError: where there is no pair of image and text.
    """
    captions = [pair.text.text for pair in training.pairs]
    if not captions:
        raise no_pairs(training)
    return captions


def no_pairs(training: TrainingData) -> BackendError:
    """Say that there is nothing to learn from."""
    msg = f"the training part of {training.fold!r} has no pairs of image and text"
    return BackendError(msg, remedy="use a task whose training data has pairs, or a backend that does not fit")


def not_fitted(backend: str) -> BackendError:
    """Say that ``fit`` has not been called."""
    return BackendError(f"{backend} was asked before it had learnt", remedy="call fit() with training data first")

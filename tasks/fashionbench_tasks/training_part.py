"""The training part of a task, for whoever trains a model before it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.training_examples import TrainingData


def shared_training(task: str, parts: Sequence[TrainingData | None]) -> TrainingData | None:
    """Return the one training part of all folds of a task, or None where there is none.

    :raises ConfigError: where folds have different ones.
    """
    distinct = {id(part): part for part in parts if part is not None}
    if len(distinct) > 1:
        names = ", ".join(sorted({part.fold for part in distinct.values()}))
        msg = f"{task} has a training part for each of its folds: {names}"
        raise ConfigError(msg, remedy="train on a task with one split, or use a backend that fits each fold")
    return next(iter(distinct.values()), None)

"""Exponential moving average of trained weights."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from diffusers.training_utils import EMAModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn


class WeightAverage:
    """The average that :class:`diffusers.training_utils.EMAModel` keeps of some parameters; nothing with a decay of 0.

    :param decay: d in average = d average + (1 - d) weights, or (1 + step) / (10 + step) as long as that is less.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self._parameters = list(parameters.values())
        self._average: Any = EMAModel(self._parameters, decay=decay) if decay else None

    def update(self) -> None:
        """Take in the weights as they are after a step."""
        if self._average is not None:
            self._average.step(self._parameters)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in the place of the weights, and the weights back afterwards."""
        if self._average is None:
            yield
            return
        self._average.store(self._parameters)
        self._average.copy_to(self._parameters)
        try:
            yield
        finally:
            self._average.restore(self._parameters)

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint keeps."""
        return None if self._average is None else self._average.state_dict()

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Go on from a checkpoint."""
        if self._average is not None and state is not None:
            self._average.load_state_dict(dict(state))

"""A captioning control: a training caption drawn at random for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_baselines.captioning.training_captions import not_fitted, training_captions
from fashionbench_baselines.controls.unit_vectors import uniform
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext


class RandomCaption:
    """A caption of the training data at random: written in the right style, of the wrong image.

    Drawn from the seed and the id of the image, so that it depends on no batch and no order; a caption that occurs more
    often is drawn more often.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)
        self._seed = context.seed
        self._captions: list[str] = []

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Keep the captions.

        :raises BackendError: where there is no pair of image and text.
        """
        self._captions = training_captions(training)

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Draw a caption for each image.

        :raises BackendError: before ``fit``.
        """
        if not self._captions:
            raise not_fitted("control/random-caption")
        draws = [1.0 - uniform(1, self._seed, "caption", item.id)[0] for item in items]  # in [0, 1)
        return [self._captions[int(draw * len(self._captions))] for draw in draws]

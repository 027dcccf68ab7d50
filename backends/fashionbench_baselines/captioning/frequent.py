"""A captioning control: the most frequent training caption for every image."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fashionbench_baselines.captioning.training_captions import not_fitted, training_captions
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext


class FrequentCaption:
    """The most frequent caption of the training data for everything; of equally frequent ones, the first."""

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)
        self._text: str | None = None

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Count the captions, each once an image.

        :raises BackendError: where there is no pair of image and text.
        """
        self._text = Counter(training_captions(training)).most_common(1)[0][0]

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Repeat the caption.

        :raises BackendError: before ``fit``.
        """
        if self._text is None:
            raise not_fitted("control/frequent-caption")
        return [self._text] * len(items)

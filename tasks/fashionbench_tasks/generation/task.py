"""Generation tasks, try-on and design: ask a backend for images, and measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.ground_truth import Truth
from fashionbench.errors import DataError
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, imagery_table
from fashionbench_tasks.generation.measure import ImageMeasures
from fashionbench_tasks.generation.samples import LazySample, LazyTruths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.info import DataInfo
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.samples import GenerationSample


class Generation:
    """A try-on or design task.

    :param samples: what to generate; ids are unique.
    :param real: the photos that a distance compares with, by name; none stands there twice.
    """

    def __init__(
        self,
        spec: TaskSpec,
        info: DataInfo,
        samples: Sequence[GenerationSample],
        real: Mapping[str, Path],
        resize: Resize,
        training: TrainingData | None = None,
    ) -> None:
        if len({sample.id for sample in samples}) != len(samples):
            raise DataError(f"{spec.id}: two pairings have one id", remedy="fetch the list of pairs again")
        self.spec = spec
        self.samples = samples
        self.real = real
        self.resize = resize
        self._info = info
        self._training = training

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    def training(self) -> TrainingData | None:
        """Return the training part, at the size of the task's images."""
        return self._training

    def evaluated(self) -> frozenset[str]:
        """Return the file names of all persons and garments, as ids of training images have them."""
        paths = [path for sample in self.samples for path in (sample.person, sample.garment) if path]
        return frozenset(f"{path.parent.name}/{path.stem}" for path in (*paths, *self.real.values()))

    def predict(self, session: Session) -> Predictions:
        """Generate an image for each sample, and measure it."""
        samples = self.samples[: session.limit] if session.limit else self.samples
        session.expect_fit([self._training])
        session.expect("design" if self.spec.kind == "fashion-design" else "try-on", len(samples))
        measures = ImageMeasures(self.spec, self.resize, session)
        by_id = {sample.id: sample for sample in samples}
        with session.fold(self._training, Truth(images=LazyTruths(samples, self.resize))) as backend:
            generate = backend.design if self.spec.kind == "fashion-design" else backend.try_on
            images = generate([LazySample(sample, self.resize) for sample in samples])
            rows = [measures.generated(by_id[name], pixels) for name, pixels in images]
        rows += measures.real(self.real)
        return Predictions(SCHEMA, imagery_table(rows, measures.extractors, measures.absent))

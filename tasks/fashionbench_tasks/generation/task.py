"""Generation tasks, such as try-on and design: ask a backend for images, and say what they are compared with."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.data.shown_items import ShownItem
from fashionbench.data.task_images import pixel_hash
from fashionbench.data.task_items import TaskItems
from fashionbench.errors import DataError
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, ImageRow, images_table
from fashionbench.specs.capabilities import METHODS
from fashionbench_tasks.generation.images import GenerationImages
from fashionbench_tasks.generation.repaint import repaint
from fashionbench_tasks.generation.samples import LazySample, LazyTruths
from fashionbench_tasks.generation.training_set import image_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.info import DataInfo
    from fashionbench.data.shown_items import Side
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec
    from fashionbench.specs.capabilities import Capability
    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.samples import GenerationSample


class Generation:
    """A task whose answers are images: try-on, try-off, design or style transfer.

    :param samples: what to generate; ids are unique.
    :param real: the photos that a distance compares with, by name; none stands there twice.
    :param training: makes the training part; called when something is to be learnt.
    """

    def __init__(
        self,
        spec: TaskSpec,
        info: DataInfo,
        samples: Sequence[GenerationSample],
        real: Mapping[str, Path],
        resize: Resize,
        training: Callable[[], TrainingData | None] = lambda: None,
    ) -> None:
        if len({sample.id for sample in samples}) != len(samples):
            raise DataError(f"{spec.id}: two pairings have one id", remedy="fetch the list of pairs again")
        self.spec = spec
        self.samples = samples
        self.real = real
        self.resize = resize
        self._info = info
        self._training = training
        self._learnt: list[TrainingData | None] = []
        self._images = GenerationImages(samples, real, resize)
        self._slices = frozenset(sample.slice for sample in samples)
        self._shown = {path: name for name, path in real.items()}

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    @property
    def _capability(self) -> Capability:
        kinds: dict[str, Capability] = {
            "fashion-design": "design",
            "virtual-try-off": "try-off",
            "style-transfer": "style-transfer",
        }
        return kinds.get(self.spec.kind, "try-on")

    def training(self) -> TrainingData | None:
        """Return the training part, at the size of the task's images; its files are looked for when it is asked for."""
        if not self._learnt:
            self._learnt.append(self._training())
        return self._learnt[0]

    def evaluated(self) -> frozenset[str]:
        """Return the file names of all persons and garments, as ids of training images have them."""
        paths = [path for sample in self.samples for path in (sample.person, sample.garment) if path]
        return frozenset(image_name(path) for path in (*paths, *self.real.values()))

    @property
    def _measured(self) -> MeasuredItems:
        paths = [path for sample in self.samples for path in (sample.person, sample.garment) if path]
        return MeasuredItems(sources=[ImageFile(image_name(path), path) for path in (*paths, *self.real.values())])

    def images(self) -> GenerationImages:
        """Return what generated images are compared with."""
        return self._images

    def items(self) -> TaskItems:
        """Return the ids of what is to be generated."""
        slices = dict.fromkeys(sample.slice for sample in self.samples)
        return TaskItems(
            answer="image",
            asked={name: [sample.id for sample in self.samples if sample.slice == name] for name in slices},
        )

    def shown(self, slice_: str, side: Side, ids: Collection[str]) -> dict[str, ShownItem]:
        """Return what a backend is asked with, and what should come out, as a person sees it."""
        chosen = [s for s in self.samples if s.slice == slice_ and s.id in ids and side == "query"]
        return {sample.id: self._shown_sample(sample) for sample in chosen}

    def _shown_sample(self, sample: GenerationSample) -> ShownItem:
        images = {what: self.resize.read(path) for what, path in sample.shown().items()}
        return ShownItem(text=sample.text, images=images)

    def image_names(self) -> dict[str, list[str]]:
        """Return by which names images are written: the id, then person and garment, and the person alone.

        Folders of categories may be left out, and a person be enough where each is dressed once.
        """
        return {sample.id: _image_names(sample) for sample in self.samples}

    def predict(self, session: Session) -> Predictions:
        """Generate an image for each sample, and keep it."""
        samples = self.samples[: session.limit] if session.limit else self.samples
        training = self.training() if session.spec.fits else None
        session.expect_fit([training])
        session.expect(self._capability, len(samples))
        session.expect_images(len(samples), len(self.real))
        by_id = {sample.id: sample for sample in samples}
        for sample in samples:  # before hours of generating: what a mask is refused for, and hashes for the rows
            self._images.mask_hash(sample.id)
        with session.fold(training, Truth(images=LazyTruths(samples, self.resize)), self._measured) as backend:
            images = getattr(backend, METHODS[self._capability])(
                [LazySample(sample, self.resize) for sample in samples]
            )
            rows = [self._generated(by_id[name], pixels, session) for name, pixels in images]
        return Predictions(SCHEMA, images_table([*rows, *map(self._real_row, self.real)]))

    def _generated(self, sample: GenerationSample, pixels: NDArray[np.uint8], session: Session) -> ImageRow:
        """Keep a generated image, after repainting where the protocol says so."""
        if self.spec.options.get("repaint"):
            pixels = repaint(sample, pixels, self.resize)
        png = io.BytesIO()
        # Half the time of the default level, for a file a fifth larger.
        Image.fromarray(pixels).save(png, "PNG", compress_level=1)
        return ImageRow(
            item_id=sample.id,
            slice=sample.slice,
            cluster=self._person(sample),
            side="generated",
            width=pixels.shape[1],
            height=pixels.shape[0],
            pixels=pixel_hash(pixels),
            image=session.keep(png.getvalue()),
            truth=self._images.truth_hash(sample.id),
            mask=self._images.mask_hash(sample.id),
            text=sample.text,
            garment=self._images.garment_hash(sample.id),
        )

    def _person(self, sample: GenerationSample) -> str:
        """Name the person, or the garment of a try-off, as the real side does where it shows the same photo."""
        shot = sample.truth if sample.category and sample.truth else sample.person
        return self._shown.get(shot) or f"{shot.parent.name}/{shot.stem}"

    def _real_row(self, name: str) -> ImageRow:
        folder = name.rpartition("/")[0]  # of Dress Code the category, so that distances can be taken by category
        return ImageRow(
            item_id=name,
            slice=folder if folder in self._slices else "real",
            cluster=name,
            side="real",
            width=self.resize.width,
            height=self.resize.height,
            pixels=self._images.real_hash(name),
        )


def _image_names(sample: GenerationSample) -> list[str]:
    person = sample.person.stem
    folder, _, pair = sample.id.rpartition("/")
    garment = pair.removeprefix(f"{person}_")
    pairs = [f"{person}{sign}{garment}" for sign in ("_", "__", "___", "-", "+")]
    own = [*pairs, person]
    return [sample.id, *([f"{folder}/{name}" for name in own] if folder else []), *own]

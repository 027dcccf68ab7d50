"""Style transfer: a garment's photo in the colours and the pattern of another, on data that know what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.data.items import ImageItem, TryOnItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.training_examples import TrainingData, TryOnExample
from fashionbench.errors import ConfigError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.style_transfer import StyleTransfer
from fashionbench_tasks.generation.builders import GenerationData, generation_task
from fashionbench_tasks.generation.samples import StyleSample
from fashionbench_tasks.generation.training_set import image_name
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.style_transfer import StyleRow
    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.task import Generation

#: What the option ``style`` may be: the photo of another garment, or words.
STYLES = ("photo", "words")
#: What the densepose image of a photo shows on which there is nobody.
_NOBODY = (0, 0, 0)


def style_transfer(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make the task; options: ``style``, one of :data:`STYLES`, and ``width``, ``height``, ``filter``.

    :raises ConfigError: where the option ``style`` is none of these.
    """
    kind = str(spec.options["style"])
    if kind not in STYLES:
        raise ConfigError(f"{spec.id} has no style by {kind!r}", remedy=f"known are {', '.join(STYLES)}")
    data = StyleTransfer(place(spec, roots))
    samples = [
        StyleSample(
            id=row.id,
            slice=row.look,
            person=row.garment,
            garment=row.style if kind == "photo" else None,
            truth=row.truth,
            text=row.text if kind == "words" else "",
            conditions={"garment-mask": row.mask, "sketch": row.sketch},
        )
        for row in data.rows("test")
    ]
    annotations = {name: path for name, path in data.annotations().items() if name == "test.jsonl"}
    task_data = GenerationData(root=data.root, samples=samples, real={}, annotations=annotations, training=list)
    return generation_task(spec, roots, task_data, lambda resize: restyled_examples(_training_rows(data), resize))


def _training_rows(data: StyleTransfer) -> list[StyleRow]:
    rows = data.rows("train") if "train.jsonl" in data.annotations() else []
    return [row for row in rows if row.truth.is_file() and row.style.is_file()]


def restyled_examples(rows: Sequence[StyleRow], resize: Resize) -> TrainingData | None:
    """Make training data of garments in their new style, as try-on and design have them; None where there are none.

    The photo that should come out stands for the person, with the garment's mask over what is to be painted and
    nobody on the densepose image; the other garment's photo is the garment, and its style in words the text.
    """
    if not rows:
        return None

    def read(at: int) -> TryOnExample:
        row = rows[at]
        truth = resize.read(row.truth)
        conditions = resize.read_conditions({"agnostic-mask": row.mask}, row.truth, None)
        conditions["densepose"] = Image.new("RGB", truth.size, _NOBODY)
        item = TryOnItem(image_name(row.style), truth, resize.read(row.style), conditions)
        sketch = ImageItem(image_name(row.sketch), resize.read_over("sketch", row.sketch, row.truth))
        return TryOnExample(item, ImageItem(image_name(row.truth), truth), row.text, sketch)

    names = [(image_name(row.truth), row.text, image_name(row.style)) for row in rows]
    paths = [path for row in rows for path in (row.truth, row.style)]
    images = {image_name(path): ImageFile(image_name(path), path) for path in paths}
    return TrainingData("train", tryon_examples=Lazy(len(rows), read, names), images=images)

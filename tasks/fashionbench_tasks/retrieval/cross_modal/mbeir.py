"""The Fashion200K tasks of M-BEIR: text to image, and image to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.mbeir import MBeir
from fashionbench_tasks.retrieval.cross_modal.catalog import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def mbeir(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Run a Fashion200K task of M-BEIR; the option ``task`` is 0 (text to image) or 3 (image to text)."""
    root = place(spec, roots)
    data = MBeir(root)
    number = int(str(spec.options["task"]))
    task = data.task(number)
    images = {e.image: root / e.image for e in (*task.queries, *task.candidates) if e.image}
    annotations = {name: path for name, path in data.annotations().items() if name.endswith(f"/{number}")}
    checked = survey(images, annotations, cache=roots.index)

    def source(name: str, text: str, image: str) -> Source:
        return ImageFile(name, images[image]) if image else TextItem(name, text)

    def folds() -> list[Fold]:
        gallery = [e for e in task.candidates if e.image not in checked.absent]
        names = {e.id for e in gallery}
        known = {e.id for e in task.candidates}
        stray = sorted({name for ids in task.qrels.values() for name in ids} - known)
        if stray:
            raise DataError(f"the positive {stray[0]} is not in the pool", remedy="fetch pool and qrels again")
        return [
            Fold(
                name=TEXT_TO_IMAGE if number == 0 else IMAGE_TO_TEXT,
                queries=[source(e.id, e.text, e.image) for e in task.queries if e.image not in checked.absent],
                gallery=[source(e.id, e.text, e.image) for e in gallery],
                positives={e.id: [n for n in task.qrels.get(e.id, ()) if n in names] for e in task.queries},
                unavailable=tuple(e.id for e in task.queries if e.image in checked.absent),
            )
        ]

    sizes = {"queries": len(task.queries), "gallery": len(task.candidates)}
    return Retrieval(
        spec,
        DataInfo(
            checked.fingerprint,
            sizes,
            checked.missing,
            checked.unreadable,
            is_twin(root),
            image_forms=checked.forms,
        ),
        folds,
    )

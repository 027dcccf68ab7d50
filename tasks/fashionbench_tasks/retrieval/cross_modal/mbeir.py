"""The Fashion200K tasks of M-BEIR: text to image, and image to text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.mbeir import MBeir
from fashionbench_tasks.retrieval.cross_modal.directions import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.lazy_items import Source
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.mbeir import Task


def mbeir(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Run a Fashion200K task of M-BEIR; the option ``task`` is 0 (text to image) or 3 (image to text)."""
    data = MBeir(place(spec, roots))
    number = int(str(spec.options["task"]))
    task = data.task(number)
    images = {e.image: data.path(e.image) for e in (*task.queries, *task.candidates) if e.image}
    annotations = {name: path for name, path in data.annotations().items() if name.endswith(f"/{number}")}
    checked = survey(images, annotations, cache=roots.index)

    def source(name: str, text: str, image: str) -> Source:
        return ImageFile(name, images[image]) if image else TextItem(name, text)

    judged = [e for e in task.queries if task.qrels.get(e.id)]
    _check_pool(task, data.qrels_path(number))
    if not judged:
        msg = f"{data.qrels_path(number)} holds no positive of any of the {len(task.queries)} queries"
        raise DataError(msg, remedy="a positive has a relevance above 0; fetch the file again")

    def folds(absent: frozenset[str]) -> list[Fold]:
        gallery = [e for e in task.candidates if e.image not in absent]
        names = {e.id for e in gallery}
        return [
            Fold(
                name=TEXT_TO_IMAGE if number == 0 else IMAGE_TO_TEXT,
                queries=[source(e.id, e.text, e.image) for e in judged if e.image not in absent],
                gallery=[source(e.id, e.text, e.image) for e in gallery],
                positives={e.id: [n for n in task.qrels[e.id] if n in names] for e in judged},
                unavailable=tuple(e.id for e in judged if e.image in absent),
                order=tuple(e.id for e in judged),
            )
        ]

    sizes = {"queries": len(judged), "gallery": len(task.candidates)}
    known = {e.id for e in task.queries}
    left_out = [e.id for e in task.queries if not task.qrels.get(e.id)]
    stray = [name for name in task.qrels if name not in known]
    repeated = [f"{candidate} of {query}" for query, candidate in task.repeated]
    found = (left_out, stray, repeated)
    facts = {
        "queries without a judgement, left out": f"{len(left_out)} of {len(known)}: {first_names(left_out, 3)}",
        "judgements of queries that are not there": f"{len(stray)}: {first_names(stray, 3)}",
        "judgements in several lines, counted once": f"{len(repeated)}: {first_names(repeated, 3)}",
    }
    facts = {name: text for (name, text), there in zip(facts.items(), found, strict=True) if there}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts)
    return Retrieval(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))


def _check_pool(task: Task, path: Path) -> None:
    """Check that ids are unique, and that judged candidates are in the pool.

    :raises DataError: naming the first that is not, and its query.
    """
    for kind, entries in (("query", task.queries), ("candidate", task.candidates)):
        name, count = Counter(e.id for e in entries).most_common(1)[0] if entries else ("", 0)
        if count > 1:
            msg = f"the {kind} {name} stands {count} times in the files of {path.name.removesuffix('_qrels.txt')}"
            raise DataError(msg, remedy="keep one of them, or fetch the files again")
    known = {e.id for e in task.candidates}
    for query, names in task.qrels.items():
        for name in names:
            if name not in known:
                msg = f"{path}: the positive {name} of query {query} is not in the pool"
                raise DataError(msg, remedy="fetch pool and qrels again")

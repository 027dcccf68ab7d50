"""OACIRR: find the target of a reference, a box in it and a text; and any image of the same instance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.errors import DataError
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.oacirr import OACIRR
from fashionbench_tasks.retrieval.composed.queries import Question, composed_fold
from fashionbench_tasks.retrieval.task import Retrieval

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.retrieval.fold import Fold

TARGET, INSTANCE = "target", "instance"


def oacirr(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Make the task of a domain; option: ``domain``. The reference is removed from both readings of relevance."""
    data = OACIRR(place(spec, roots))
    domain = str(spec.options["domain"])
    files, instance = data.split(domain), data.instances(domain)
    questions = [Question(q.id, q.reference, q.text, q.target, q.box) for q in data.queries(domain)]
    for question in questions:
        stray = [name for name in (question.reference, question.target) if name not in files]
        if stray:
            msg = f"query {question.id} of oacirr/{domain} names the image {stray[0]!r}, which is not in the split file"
            raise DataError(msg, remedy="captions and splits are of different releases: fetch both again")
    annotations = {name: path for name, path in data.annotations().items() if name.endswith(f"/{domain}")}
    checked = survey(files, annotations, cache=roots.index)

    def folds(absent: frozenset[str]) -> list[Fold]:
        found = composed_fold(TARGET, questions, list(files), files.__getitem__, absent, removed=True, training=None)
        members: dict[str, list[str]] = {}
        for name, of in instance.items():
            if name not in absent:
                members.setdefault(of, []).append(name)
        alike = {
            q.id: [name for name in members.get(instance[q.target], ()) if name != q.reference]
            for q in questions
            if q.reference not in absent
        }
        target = replace(found, clusters={q.id: instance[q.reference] for q in questions})
        return [target, replace(target, name=INSTANCE, positives=alike)]

    other = sum(instance[q.reference] != instance[q.target] for q in questions)
    facts = {"queries whose target is of another instance than the reference": str(other)} if other else {}
    sizes = {"queries": len(questions), "gallery": len(files), "instances": len(set(instance.values()))}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts)
    return Retrieval(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))

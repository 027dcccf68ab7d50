"""Outfit tasks as specifications: fill in the blank, and compatibility."""

from __future__ import annotations

from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.image_reading import IMAGE

VERSION = "1.0.0"

POLYVORE = DatasetSpec(
    id="polyvore",
    summary="outfits with fill-in-the-blank questions and compatibility labels",
    target="fashionbench_tasks.datasets.polyvore:Polyvore",
    revision="1",
    licence=Licence(id="research only", source="https://github.com/mvasil/fashion-compatibility", usage="research"),
    access="public-url",
    splits=("train", "valid", "test"),
    how_to_get="Follow the link in mvasil/fashion-compatibility (polyvore_outfits).",
)


def _outfits(name: str, target: str, metrics: tuple[str, ...], summary: str) -> TaskSpec:
    task = f"polyvore/{name}"
    card = {
        "split": "test",
        "version": "nondisjoint",
        "image": IMAGE,
        "similarity": "mean cosine between item embeddings; maximum over vectors",
        "tie_rule": "expected",
        "tie_tolerance": "0.000001",
        "missing": "miss",
        "missing_note": "a question that lacks a photo is a miss; an unscored set is on the wrong side of all others",
        "average": "queries",
        "metrics": metrics,
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.outfits.{target}",
        version=VERSION,
        kind="outfit-compatibility",
        dataset=POLYVORE.id,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=(frozenset({"encode-image"}),),
        metrics=metrics,
        main_metric=metrics[0],
        trains=frozenset(),
        options={"version": "nondisjoint"},
    )


OUTFIT_TASKS = (
    _outfits(
        "fill-in-the-blank",
        "fill_in_the_blank:FillInTheBlank",
        ("hit@1", "mrr"),
        "which of four items completes an outfit",
    ),
    _outfits("compatibility", "compatibility:Compatibility", ("roc-auc",), "do the items of a set go together"),
)

DATASETS = (POLYVORE,)
TASKS = OUTFIT_TASKS

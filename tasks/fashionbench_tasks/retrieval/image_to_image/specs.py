"""LookBench's tasks as specifications."""

from __future__ import annotations

from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.datasets import lookbench
from fashionbench_tasks.image_reading import IMAGE

VERSION = "1.0.0"
SNAPSHOT = "v20251201"

LOOKBENCH = DatasetSpec(
    id="lookbench",
    summary="photos from studios, streets and generators that find products among 60,000, in dated snapshots",
    target="fashionbench_tasks.datasets.lookbench:LookBench",
    revision=SNAPSHOT,
    licence=Licence(id="Apache-2.0", source="https://huggingface.co/datasets/srpone/look-bench", usage="any"),
    access="public-hub",
    splits=lookbench.SETS,
    expected=lookbench.EXPECTED,
    how_to_get="Download srpone/look-bench from the Hugging Face hub: the folder v20251201 with its five sets, the "
    "noise among them. The images lie in the Parquet files.",
)

_METRICS = ("hit@1", "hit@5", "hit@10", "hit@20", "ndcg@5", "mrr")


def _lookbench(name: str, summary: str) -> TaskSpec:
    task = f"lookbench/{name.replace('_', '-')}"
    card = {
        "split": name,
        "snapshot": SNAPSHOT,
        "query": "every photo of the set, whole: the column bbox is not used",
        "gallery": "the products of the set, and all images of the set noise, which answer nothing",
        "positives": "fine: category and main_attribute are the query's; coarse: the category is",
        "grades": "attributes: the share of the query's attributes, main and other, that a product of its category has",
        "slices": "hit@1 of fine is Fine Recall@1, of coarse Coarse Recall@1; ndcg@5 of attributes is nDCG@5 by grade",
        "assumed": "the publisher writes 'all attributes' for fine and 'attribute overlap' for nDCG, without formulas",
        "similarity": "cosine; maximum over vectors",
        "tie_rule": "expected",
        "tie_tolerance": "0.000001",
        "missing": "miss",
        "average": "fine",
        "training": "none",
        "image": IMAGE,
        "metrics": _METRICS,
    }
    return TaskSpec(
        id=task,
        summary=f"LookBench, {summary}",
        target="fashionbench_tasks.retrieval.image_to_image.lookbench:lookbench",
        version=VERSION,
        kind="image-retrieval",
        dataset=LOOKBENCH.id,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=(frozenset({"encode-image"}),),
        metrics=_METRICS,
        main_metric="hit@1",
        trains=frozenset(),
        options={"set": name, "snapshot": SNAPSHOT},
        benchmark=LOOKBENCH.id,
    )


LOOKBENCH_TASKS = (
    _lookbench("real_studio_flat", "garments laid flat in a studio"),
    _lookbench("aigen_studio", "generated photos of a studio"),
    _lookbench("real_streetlook", "photos from the street"),
    _lookbench("aigen_streetlook", "generated photos of a street"),
)

DATASETS = (LOOKBENCH,)
TASKS = LOOKBENCH_TASKS

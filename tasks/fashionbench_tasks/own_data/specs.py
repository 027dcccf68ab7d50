"""Tasks on a folder of the user as specifications."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fashionbench.specs import TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.captioning.task import caption_fields
from fashionbench_tasks.generation.specs import generation_spec
from fashionbench_tasks.image_reading import IMAGE
from fashionbench_tasks.retrieval.cross_modal.directions import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from fashionbench_tasks.retrieval.cross_modal.specs import JUDGED, MANIFEST, PAIRS_TASK, PAIRS_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability

VERSION = "1.0.0"
_SPLIT = "test, or val where there is no test, or all rows where there is no column split; never merged"
_RETRIEVAL: Mapping[str, Any] = {
    "split": _SPLIT,
    "similarity": "cosine; maximum over vectors",
    "tie_rule": "expected",
    "tie_tolerance": "0.000001",
    "missing": "miss",
    "average": "queries",
    "grades": JUDGED,
    "image": IMAGE,
}
_LISTS = ("recall@1", "recall@5", "recall@10", "recall@50", "ndcg@10", "mrr", "median-rank")
_CAPTIONS = (
    "bleu-1",
    "bleu-4",
    "meteor",
    "rouge-l",
    "cider",
    "spice",
    "caption-length",
    "caption-vocabulary",
    "empty-captions",
)


def _retrieval(
    name: str, summary: str, needs: frozenset[Capability], fields: Mapping[str, Any], **more: Any
) -> TaskSpec:
    task = f"manifest/{name}"
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.own_data.{name.replace('-', '_')}:{name.replace('-', '_')}",
        version=PAIRS_VERSION,
        dataset=MANIFEST.id,
        protocol=ProtocolCard.of(task, PAIRS_VERSION, {**_RETRIEVAL, **fields, "metrics": _LISTS}),
        needs=(needs,),
        metrics=_LISTS,
        main_metric="recall@10",
        **more,
    )


def _one_way(name: str, direction: str, query: str, gallery: str) -> TaskSpec:
    """Make the task of one direction of the pairs."""
    task = f"manifest/{name}"
    fields = {name: value for name, value in PAIRS_TASK.protocol.fields.items() if name != "average_note"}
    card = {**fields, "query": query, "gallery": gallery, "average": "queries", "metrics": _LISTS}
    return replace(
        PAIRS_TASK,
        id=task,
        summary=f"your own image-text pairs, {direction}",
        version=PAIRS_VERSION,
        protocol=ProtocolCard.of(task, PAIRS_VERSION, card),
        metrics=_LISTS,
        main_metric="recall@10",
        options={"direction": direction},
    )


_GENERATION = {
    "split": _SPLIT,
    "mask_source": "the column mask; without one there is none",
    "real_side": "the photos of the persons, each once",
}

TASKS = (
    _one_way("image-to-text", IMAGE_TO_TEXT, "every image", "every different text of every group"),
    _one_way("text-to-image", TEXT_TO_IMAGE, "every different text of every group", "all images"),
    _retrieval(
        "composed",
        "your own composed queries: a reference, a text, and one or several targets",
        frozenset({"encode-composed", "encode-image"}),
        {
            "query": "every reference with each of its texts",
            "gallery": "all references and targets of the measured rows",
            "positives": "the targets of all rows with this reference and this text",
            "reference": "removed",
            "training": "a backend that fits gets the rows of the split train",
        },
        kind="composed-retrieval",
        trains=frozenset({"triplets"}),
    ),
    _retrieval(
        "image-to-image",
        "your own photos, by group (in-shop) or by role (street to shop)",
        frozenset({"encode-image"}),
        {
            "query": "every photo of the role query, or every photo, that has another one of its group to find",
            "gallery": "every photo of the role candidate, or all photos",
            "positives": "the photos of the query's group",
            "reference": "the query itself is no candidate",
            "training": "none",
        },
        kind="image-retrieval",
        trains=frozenset(),
    ),
    TaskSpec(
        id="manifest/captioning",
        summary="captions of your own images, against all texts of each",
        target="fashionbench_tasks.own_data.captioning:captioning",
        version=VERSION,
        kind="captioning",
        dataset=MANIFEST.id,
        protocol=ProtocolCard.of(
            "manifest/captioning",
            VERSION,
            {
                **caption_fields(
                    instruction="Describe the product in the photo.",
                    references="all different texts of the image",
                    unit="image",
                    max_tokens=None,
                ),
                "split": _SPLIT,
                "image": IMAGE,
                "training": "a backend that fits gets the rows of the split train",
                "metrics": _CAPTIONS,
            },
        ),
        needs=(frozenset({"caption"}),),
        metrics=_CAPTIONS,
        main_metric="cider",
        trains=frozenset({"pairs"}),
    ),
    generation_spec(
        "manifest/try-on",
        "own_data.generation:generation",
        MANIFEST.id,
        "your own persons and garments, with the photo that should come out, 512x384",
        paired=True,
        fields={**_GENERATION, "pairs": "one row an image to generate"},
    ),
    generation_spec(
        "manifest/try-on-unpaired",
        "own_data.generation:generation",
        MANIFEST.id,
        "your own persons and garments, without a true photo, 512x384",
        paired=False,
        fields={**_GENERATION, "pairs": "one row an image to generate"},
    ),
    generation_spec(
        "manifest/design",
        "own_data.generation:generation",
        MANIFEST.id,
        "your own persons and garments in words or sketches, with the photo that should come out, 512x384",
        paired=True,
        kind="fashion-design",
        fields={**_GENERATION, "pairs": "one row an image to generate"},
    ),
)
DATASETS = ()

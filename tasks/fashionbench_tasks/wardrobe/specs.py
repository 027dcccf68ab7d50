"""The data set and the tasks of the wardrobe, as specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.specs import DatasetSpec, Licence, TaskKind, TaskSpec
from fashionbench.specs.protocol import ProtocolCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability

VERSION = "1.0.0"

DATASET = DatasetSpec(
    id="wardrobe-emoji",
    summary="47 garments, each drawn by three artists, with CLDR labels and keywords",
    target="fashionbench_tasks.wardrobe.dataset:WardrobeFiles",
    revision="1",
    licence=Licence(
        id="MIT AND Apache-2.0 AND CC-BY-4.0",
        source="ASSETS.md and the licences folder beside the data",
        usage="any",
    ),
    access="bundled",
    image_credit="Fluent Emoji, Copyright (c) Microsoft Corporation (MIT); Noto Emoji, Copyright Google Inc "
    "(Apache-2.0); Twemoji, Copyright 2020 Twitter, Inc and other contributors (CC BY 4.0), rendered and reduced",
    splits=("fluent", "noto", "twemoji"),
    how_to_get="It comes with the package.",
)

_SHARED: Mapping[str, object] = {
    "split": "leave one artist out, three rotations",
    "training": "the other two artists' drawings with the same captions: garments and captions are seen, drawings not",
    "selection": "none",
    "average": "slices",
    "similarity": "cosine; maximum over vectors",
    "tie_rule": "expected",
    "tie_tolerance": "0.000001",
    "missing": "miss",
    "image": "PNG 160x160, RGB",
    "text": "CLDR label; keywords",
    "gallery_text": "none beyond the captions that are the candidates",
}

_ONE = ("recall@1", "recall@5", "recall@10", "mrr", "median-rank")
_MANY = ("hit@1", "hit@5", "hit@10", "recall@5", "recall@10", "map@10", "mrr", "median-rank")


def _task(
    name: str,
    kind: TaskKind,
    summary: str,
    needs: set[Capability],
    metrics: tuple[str, ...],
    main: str,
    fields: Mapping[str, object],
) -> TaskSpec:
    task = f"wardrobe/{name}"
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.wardrobe.tasks:{name.replace('-', '_')}",
        version=VERSION,
        kind=kind,
        dataset=DATASET.id,
        protocol=ProtocolCard.of(task, VERSION, {**_SHARED, **fields, "metrics": metrics}),
        needs=(frozenset(needs),),
        metrics=metrics,
        main_metric=main,
        trains=frozenset({"pairs"}),
    )


TASKS = (
    _task(
        "image-to-text",
        "cross-modal-retrieval",
        "find the caption of a drawing by an artist who was not trained on",
        {"encode-image", "encode-text"},
        _ONE,
        "recall@5",
        {"query": "each drawing of the held-out artist", "gallery": "all 47 captions", "positives": "the one caption"},
    ),
    _task(
        "text-to-image",
        "cross-modal-retrieval",
        "find the drawing, by an artist who was not trained on, for a caption",
        {"encode-image", "encode-text"},
        _ONE,
        "recall@5",
        {"query": "each caption", "gallery": "the 47 drawings of the held-out artist", "positives": "the one drawing"},
    ),
    _task(
        "image-to-image",
        "image-retrieval",
        "find the same garment by the two other artists",
        {"encode-image"},
        _MANY,
        "hit@5",
        {
            "query": "each drawing of the held-out artist",
            "gallery": "the 94 drawings of the other two artists, which a backend that fits has trained on",
            "positives": "both drawings of the garment",
        },
    ),
)

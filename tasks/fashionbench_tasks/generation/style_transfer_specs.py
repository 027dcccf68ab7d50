"""Style transfer as task specifications; the generated world alone knows what should come out."""

from __future__ import annotations

from fashionbench.specs import DatasetSpec, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_atelier.specs import DATASET as ATELIER
from fashionbench_tasks.image_reading import IMAGE

VERSION = "1.0.0"
FOLDER = "style-transfer"

METRICS = (
    "garment-colour-distance",
    "silhouette-iou",
    "truth-similarity-efficientnet-lite0",
    "ssim",
    "psnr",
    "mse",
    "ssim-garment",
    "mse-garment",
)
_STYLES = {
    "photo": "the shop's photo of another garment, often of another cut; its colours and its pattern are wanted",
    "words": "the colours and the pattern in words, which name neither the exact dyes nor the size of a repeat",
}


def _style_transfer(task: str, style: str, summary: str) -> TaskSpec:
    card = {
        "data": "generated: the truth is the same garment, drawn in the colours and the pattern of the other one",
        "split": "test",
        "input": "the garment's photo, its mask and its sketch, and the style",
        "style": _STYLES[style],
        "slices": "solid and patterned, by the style that is wanted",
        "image": IMAGE,
        "width": 384,
        "height": 512,
        "resize_side": "photos and what goes into the backend; what it returns is measured as it is",
        "resize_filter": "lanczos",
        "codec": "PNG, what the backend returns is not compressed; photos are JPEG",
        "mask_source": "drawn: the pixels of which the garment covers at least half",
        "extractors": ["efficientnet-lite0"],
        "average": "queries",
        "metrics": METRICS,
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target="fashionbench_tasks.generation.style_transfer:style_transfer",
        version=VERSION,
        kind="style-transfer",
        dataset=ATELIER.id,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=(frozenset({"style-transfer"}),),
        metrics=METRICS,
        main_metric="garment-colour-distance",
        trains=frozenset({"tryon_examples"}),
        options={"atelier": FOLDER, "style": style, "width": 384, "height": 512, "filter": "lanczos"},
    )


DATASETS: tuple[DatasetSpec, ...] = ()
TASKS = (
    _style_transfer(
        "atelier/style-transfer", "photo", "a garment in the colours and the pattern of another one, by its photo"
    ),
    _style_transfer(
        "atelier/style-transfer-words", "words", "a garment in other colours and another pattern, by words"
    ),
)

"""Captioning tasks as specifications, with the instructions of UniFashion's Table 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.metrics.captioning.specs import ATTRIBUTES
from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.captioning.task import caption_fields
from fashionbench_tasks.dataset_root import BESIDE
from fashionbench_tasks.datasets import fashion_iq_cap
from fashionbench_tasks.image_reading import IMAGE
from fashionbench_tasks.retrieval.cross_modal.specs import FASHION200K, FASHIONGEN

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1.1.0"

FASHION_IQ_CAP = DatasetSpec(
    id="fashion-iq-cap",
    summary="one caption an image of Fashion-IQ, written by LLaVA; the released val captions saw the queries",
    target="fashionbench_tasks.datasets.fashion_iq_cap:FashionIQCap",
    revision="75c0138",
    licence=Licence(id="unstated", source="https://github.com/xiangyu-mm/UniFashion", usage="unknown"),
    access="public-url",
    splits=fashion_iq_cap.SPLITS,
    expected=fashion_iq_cap.EXPECTED,
    beside=BESIDE["fashion-iq-cap"],
    how_to_get="Put dataset/next_llava.*.caption.json of xiangyu-mm/UniFashion into the Fashion-IQ folder, as "
    "Fashion-IQ-Cap/. Captions of val that were made with text_guidance hold the queries' own words.",
)

INSTRUCTIONS = {
    "fashiongen": "Write a detail and professional description for the cloth.",
    "fashion200k": "Short description.",
    "fashion-iq-cap": "Describe the cloth's style, color, design... and other key points.",
}

CAPTION_METRICS = (
    "bleu-1",
    "bleu-2",
    "bleu-3",
    "bleu-4",
    "meteor",
    "rouge-l",
    "cider",
    "spice",
    "caption-length",
    "caption-vocabulary",
    "empty-captions",
    "style-distance",
    *(f"attribute-accuracy/{attribute}" for attribute in ATTRIBUTES),
)


def _captioning(
    task: str,
    dataset: DatasetSpec,
    target: str,
    split: str,
    summary: str,
    *,
    unit: str = "photo",
    as_released: bool = False,
    fields: Mapping[str, str] | None = None,
    **options: object,
) -> TaskSpec:
    card = {
        **caption_fields(
            instruction=INSTRUCTIONS[dataset.id], references=1, unit=unit, max_tokens=None, as_released=as_released
        ),
        "split": split,
        "image": IMAGE,
        "training": "a backend that fits gets the train split; a backend trained elsewhere declares its data",
        "metrics": CAPTION_METRICS,
        **(fields or {}),
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.captioning.builders:{target}",
        version=VERSION,
        kind="captioning",
        dataset=dataset.id,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=(frozenset({"caption"}),),
        metrics=CAPTION_METRICS,
        main_metric="cider",
        trains=frozenset({"pairs"}),
        options={**options, "unit": unit},
    )


_DESCRIPTION = {"text": "the description, without the title"}
_RELEASED = "UniFashion's released metric script on {}: roles swapped, cut at 100 characters"

CAPTIONING_TASKS = (
    _captioning(
        "fashiongen/captioning",
        FASHIONGEN,
        "fashiongen",
        "val",
        "a description of every val photo",
        fields=_DESCRIPTION,
        text="description",
    ),
    _captioning(
        "fashiongen/captioning-products",
        FASHIONGEN,
        "fashiongen",
        "val",
        "a description of every val product, from its first photo",
        unit="product",
        fields=_DESCRIPTION,
        text="description",
    ),
    _captioning(
        "fashiongen/captioning-as-released",
        FASHIONGEN,
        "fashiongen",
        "val",
        _RELEASED.format("FashionGen"),
        as_released=True,
        fields=_DESCRIPTION,
        text="description",
    ),
    _captioning(
        "fashion200k/captioning", FASHION200K, "fashion200k", "test", "a short description of every test photo"
    ),
    _captioning(
        "fashion200k/captioning-as-released",
        FASHION200K,
        "fashion200k",
        "test",
        _RELEASED.format("Fashion200K"),
        as_released=True,
    ),
    _captioning("fashion-iq-cap/captioning", FASHION_IQ_CAP, "fashion_iq_cap", "val", "a caption of every val image"),
    _captioning(
        "fashion-iq-cap/captioning-as-released",
        FASHION_IQ_CAP,
        "fashion_iq_cap",
        "val",
        _RELEASED.format("Fashion-IQ-Cap"),
        as_released=True,
    ),
)

DATASETS = (FASHION_IQ_CAP,)
TASKS = CAPTIONING_TASKS

"""The tasks on Atelier: the real tasks' loaders, protocols and metrics on the generated twins of their data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.captioning.specs import CAPTIONING_TASKS
from fashionbench_tasks.generation.specs import (
    DESIGN_TASKS,
    GARMENT,
    SUBSTITUTE,
    SUBSTITUTE_CONSISTENCY,
    TRY_OFF_TASKS,
    TRY_ON_TASKS,
)
from fashionbench_tasks.outfits.specs import OUTFIT_TASKS
from fashionbench_tasks.retrieval.composed.specs import CIRR_TASKS, FASHION_IQ_TASKS, HP_FASHION_IQ_TASK, OACIRR_TASKS
from fashionbench_tasks.retrieval.cross_modal.specs import FASHIONGEN_TASKS, MBEIR_TASKS
from fashionbench_tasks.retrieval.image_to_image.specs import LOOKBENCH_TASKS

if TYPE_CHECKING:
    from fashionbench.specs import TaskSpec

#: What is measured against the truth, which a twin knows for unpaired garments too.
TRUTH_KNOWN = ("ssim", "psnr", "mse", *GARMENT)
#: Where the twin of a data set lies below the root of Atelier.
FOLDERS = {
    "fashion-iq": "fashion-iq",
    "cirr": "cirr",
    "fashion-iq-cap": "fashion-iq",
    "fashiongen": "fashiongen",
    "fashion200k": "fashion200k",
    "fashion200k-mbeir": "fashion200k-mbeir",
    "hp-fashion-iq": "fashion-iq",
    "lookbench": "lookbench",
    "oacirr": "oacirr",
    "openvton": "openvton",
    "viton-hd": "viton-hd",
    "dress-code": "dress-code",
    "mgd": "viton-hd",
    "polyvore": "polyvore",
}


def twin(spec: TaskSpec) -> TaskSpec:
    """Return a task on the twin of its data set.

    Sizes of the real galleries are left out of the card. Distances use the substitute extractor, under its own metric
    names, for the Inception weights are on no machine without a network.
    """
    task = f"atelier/{spec.id.replace('/', '-')}"
    fields = {name: value for name, value in spec.protocol.fields.items() if name != "gallery_sizes"}
    fields["data"] = f"generated twin of {spec.dataset}"
    options = {**spec.options, "atelier": FOLDERS[spec.dataset], "twin_of": spec.dataset}
    metrics = spec.metrics
    if "extractors" in fields:
        known: tuple[str, ...] = TRUTH_KNOWN
        if spec.kind == "virtual-try-off":  # no mask lies over the photo of a garment
            known = tuple(name for name in known if name not in GARMENT)
        metrics = (*known, *SUBSTITUTE)
        if spec.kind == "virtual-try-on":
            metrics = (*metrics, *SUBSTITUTE_CONSISTENCY)
        fields.pop("cmmd", None)
        fields["extractors"] = ["efficientnet-lite0"]
        if not spec.options.get("paired"):
            fields["truth"] = "the twin knows the unpaired truth, which no real set does"
    fields["metrics"] = list(metrics)
    main = {"kid-off-diagonal": "kd-off-diagonal-efficientnet-lite0"}.get(spec.main_metric, spec.main_metric)
    return replace(
        spec,
        id=task,
        summary=f"{spec.summary} (generated twin)",
        dataset="atelier",
        protocol=ProtocolCard.of(task, spec.version, fields),
        metrics=metrics,
        main_metric=main,
        options=options,
        benchmark=spec.benchmark and f"atelier/{spec.benchmark}",
    )


#: Other sizes and other domains of what has a twin already.
_WITHOUT = {
    "viton-hd/paired-1024",
    "viton-hd/unpaired-1024",
    "oacirr/car",
    "oacirr/product",
    "oacirr/landmark",
    "openvton/review-mini",
}

TASKS = tuple(
    twin(spec)
    for spec in (
        *FASHION_IQ_TASKS,
        *CIRR_TASKS,
        HP_FASHION_IQ_TASK,
        *OACIRR_TASKS,
        *FASHIONGEN_TASKS,
        *MBEIR_TASKS,
        *LOOKBENCH_TASKS,
        *CAPTIONING_TASKS,
        *TRY_ON_TASKS,
        *TRY_OFF_TASKS,
        *DESIGN_TASKS,
        *OUTFIT_TASKS,
    )
    if spec.id not in _WITHOUT
)

"""COCO Captions and Flickr30k in Karpathy's splits as specifications, and the same tasks on generated scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.metrics.captioning.specs import ATTRIBUTES
from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.captioning.specs import CAPTION_METRICS
from fashionbench_tasks.captioning.task import caption_fields
from fashionbench_tasks.datasets import karpathy
from fashionbench_tasks.image_reading import IMAGE
from fashionbench_tasks.retrieval.cross_modal.specs import AUDIT, NEEDS, PAIR_METRICS, SHARED_FIELDS
from fashionbench_tasks.scenes.world import DATASET_ID, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK_VERSION = "1.0.0"

COCO = DatasetSpec(
    id="coco-captions",
    summary="123,287 photos of everyday scenes with five captions each, in the splits of Karpathy and Fei-Fei",
    target="fashionbench_tasks.datasets.karpathy:coco",
    revision="2014",
    licence=Licence(
        id="annotations CC-BY-4.0, images of Flickr's users",
        source="https://cocodataset.org/#termsofuse",
        usage="research",
    ),
    access="public-url",
    splits=karpathy.SPLITS,
    expected=karpathy.EXPECTED["coco"],
    how_to_get="Unpack train2014.zip and val2014.zip of cocodataset.org, and put dataset_coco.json of Karpathy's "
    "caption_datasets.zip beside them.",
)
FLICKR30K = DatasetSpec(
    id="flickr30k",
    summary="31,014 photos of people with five captions each, in the splits of Karpathy and Fei-Fei",
    target="fashionbench_tasks.datasets.karpathy:flickr30k",
    revision="1",
    licence=Licence(
        id="research only, on request", source="https://shannon.cs.illinois.edu/DenotationGraph/", usage="research"
    ),
    access="request",
    splits=karpathy.SPLITS,
    expected=karpathy.EXPECTED["flickr30k"],
    how_to_get="Ask for flickr30k-images by the form of the Denotation Graph, and put dataset_flickr30k.json of "
    "Karpathy's caption_datasets.zip beside the folder.",
)
SCENES = DatasetSpec(
    id=DATASET_ID,
    summary="generated drawings of coloured shapes, nothing of fashion, in the layout of COCO Captions",
    target="fashionbench_tasks.datasets.karpathy:coco",
    revision=str(VERSION),
    licence=Licence(id="Apache-2.0", source="LICENSE; drawn by this package", usage="any"),
    access="generated",
    image_credit="drawn by FashionBench (Apache-2.0)",
    splits=karpathy.SPLITS,
    maker="fashionbench_tasks.scenes.generate:make",
    synthetic=True,
    how_to_get="Tasks draw it by themselves; for another seed or size run "
    "'fashionbench data make scenes --out FOLDER --option test=1000'.",
)
DATASETS = (COCO, FLICKR30K, SCENES)

_TRAINING = "a backend that fits gets train and restval; a backend trained elsewhere declares its data"


def _retrieval(task: str, dataset: DatasetSpec, file: str, summary: str) -> TaskSpec:
    card: Mapping[str, Any] = {
        **SHARED_FIELDS,
        "split": "test",
        "query": "every image; each of the first five captions of every image",
        "gallery": "the first five captions of all images; all images",
        "positives": "any caption of the image; the image of the caption, and another one with an equal caption",
        "metrics": PAIR_METRICS,
        "average": "slices",
        "average_note": "both directions, unweighted; six times mean-hit@1,5,10 is the sum that papers print",
        "training": _TRAINING,
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target="fashionbench_tasks.retrieval.cross_modal.karpathy_pairs:karpathy_pairs",
        version=TASK_VERSION,
        kind="cross-modal-retrieval",
        dataset=dataset.id,
        protocol=ProtocolCard.of(task, TASK_VERSION, card),
        needs=NEEDS,
        metrics=PAIR_METRICS,
        main_metric="mean-hit@1,5,10",
        trains=frozenset({"pairs"}),
        options={"file": file},
        audit=AUDIT,
    )


def _captioning(task: str, dataset: DatasetSpec, file: str, summary: str) -> TaskSpec:
    # The list of attributes is one of garments.
    metrics = tuple(name for name in CAPTION_METRICS if name.removeprefix("attribute-accuracy/") not in ATTRIBUTES)
    fields = caption_fields(
        instruction="Describe the image in one sentence.", references="5 to 7", unit="image", max_tokens=None
    )
    card = {**fields, "split": "test", "image": IMAGE, "training": _TRAINING, "metrics": metrics}
    return TaskSpec(
        id=task,
        summary=summary,
        target="fashionbench_tasks.captioning.karpathy:karpathy_captioning",
        version=TASK_VERSION,
        kind="captioning",
        dataset=dataset.id,
        protocol=ProtocolCard.of(task, TASK_VERSION, card),
        needs=(frozenset({"caption"}),),
        metrics=metrics,
        main_metric="cider",
        trains=frozenset({"pairs"}),
        options={"file": file, "unit": "image"},
    )


TASKS = (
    _retrieval(
        "coco-captions/karpathy-5k", COCO, "coco", "Karpathy's 5,000 test images and 25,000 captions, both ways"
    ),
    _captioning("coco-captions/karpathy-captioning", COCO, "coco", "a caption of each of Karpathy's 5,000 test images"),
    _retrieval(
        "flickr30k/karpathy-1k", FLICKR30K, "flickr30k", "Karpathy's 1,000 test images and 5,000 captions, both ways"
    ),
    _captioning(
        "flickr30k/karpathy-captioning", FLICKR30K, "flickr30k", "a caption of each of Karpathy's 1,000 test images"
    ),
    _retrieval("scenes/karpathy-retrieval", SCENES, "coco", "generated scenes and their captions, both ways"),
    _captioning("scenes/karpathy-captioning", SCENES, "coco", "a caption of each generated scene"),
)

"""Composed retrieval tasks as specifications: Fashion-IQ in its variants, and CIRR."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.dataset_root import BESIDE
from fashionbench_tasks.datasets import cirr, fashion_iq, oacirr
from fashionbench_tasks.image_reading import IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability

VERSION = "1.0.0"
NEEDS: tuple[frozenset[Capability]] = (frozenset({"encode-composed", "encode-image"}),)

FASHION_IQ = DatasetSpec(
    id="fashion-iq",
    summary="dresses, shirts and tops: a reference, two relative captions, a target",
    target="fashionbench_tasks.datasets.fashion_iq:FashionIQ",
    revision="f71b16c",
    licence=Licence(
        id="CDLA-Permissive-1.0 (captions); images are Amazon's",
        source="https://github.com/XiaoxiaoGuo/fashion-iq",
        usage="research",
    ),
    access="public-url",
    splits=fashion_iq.SPLITS,
    expected=fashion_iq.EXPECTED,
    how_to_get="Clone XiaoxiaoGuo/fashion-iq for captions and image_splits; fetch the images by asin2url of "
    "hongwang600/fashion-iq-metadata into images/. Many links are dead; 'fashionbench data verify' names the missing.",
)

CIRR = DatasetSpec(
    id="cirr",
    summary="open-domain composed queries over NLVR2 images, with a subset of six for each",
    target="fashionbench_tasks.datasets.cirr:CIRR",
    revision="rc2",
    licence=Licence(
        id="CC-BY-4.0 (captions); images as NLVR2", source="https://github.com/Cuberick-Orion/CIRR", usage="research"
    ),
    access="request",
    splits=cirr.SPLITS,
    expected=cirr.EXPECTED,
    how_to_get="Take captions and image_splits from branch cirr_dataset of Cuberick-Orion/CIRR, and images from NLVR2.",
)

HP_FASHION_IQ = DatasetSpec(
    id="hp-fashion-iq",
    summary="which of two lists of images people prefer for queries of Fashion-IQ",
    target="fashionbench_tasks.datasets.hp_fashion_iq:HPFashionIQ",
    revision="1",
    licence=Licence(
        id="none stated (choices); images are Amazon's", source="https://github.com/jackwaky/QuRe", usage="research"
    ),
    access="public-url",
    splits=("val",),
    beside=BESIDE["hp-fashion-iq"],
    how_to_get="Put hpfiq.json of jackwaky/QuRe, folder HP_FashionIQ, into the folder of Fashion-IQ.",
)

OACIRR = DatasetSpec(
    id="oacirr",
    summary="composed queries with a box around the object that must stay the same, in four domains",
    target="fashionbench_tasks.datasets.oacirr:OACIRR",
    revision="1",
    licence=Licence(id="CC-BY-4.0", source="https://huggingface.co/datasets/HaHaJun1101/OACIRR", usage="any"),
    access="public-hub",
    splits=(oacirr.SPLIT,),
    how_to_get="Clone HaHaJun1101/OACIRR from the Hugging Face hub with Git LFS; unpack the images of OACIRR-Subset.",
)

_SHARED: Mapping[str, Any] = {
    "split": "val",
    "query": "reference image and modification text",
    "positives": "the one target",
    "similarity": "cosine; maximum over vectors",
    "tie_rule": "expected",
    "tie_tolerance": "0.000001",
    "missing": "miss",
    "missing_images": "a query without its reference, or whose target is missing, is a miss; a candidate is left out",
    "gallery_text": "none",
    "training": "a backend that fits gets the train triplets; a backend trained elsewhere declares its data",
    "rerank": "none",
    "image": IMAGE,
}
_JOINS = {
    "and": '"First and second": ends stripped of ".?, ", first letter capital',
    "comma": '"first, second": ends stripped of ".?, "',
    "second-first": '"Second and first": ends stripped of ".?, ", first letter capital',
    "each": 'each caption is a query of its own, ends stripped of ".?, "',
}
_IQ_METRICS = ("recall@10", "recall@50", "mean-recall@10,50", "mrr", "median-rank")
_CIRR_METRICS = ("recall@1", "recall@5", "recall@10", "recall@50", "recall@2", "recall@3", "cirr-mean")


def _fashion_iq(name: str, *, gallery: str, reference: str, join: str = "and", rerank: int | None = None) -> TaskSpec:
    task = f"fashion-iq/{name}"
    sizes = {
        c: fashion_iq.EXPECTED[f"{'images' if gallery == 'original' else 'union'}/{c}/val"]
        for c in fashion_iq.CATEGORIES
    }
    fields = {
        **_SHARED,
        "gallery": {"original": "the val split files", "val-union": "references and targets of val"}[gallery],
        "gallery_sizes": sizes,
        "reference": reference,
        "caption_join": _JOINS[join],
        "average": "slices",
        "average_note": "mean over queries of a category, then over the three categories, unweighted",
        "metrics": _IQ_METRICS,
    }
    options: dict[str, object] = {"gallery": gallery, "reference": reference, "join": join}
    needs: tuple[frozenset[Capability]] = NEEDS
    if rerank is not None:
        fields["rerank"] = f"the best {rerank} by score-pairs; a tie across the cut enters with its probability"
        options["rerank"] = rerank
        needs = (NEEDS[0] | {"score-pairs"},)
    return TaskSpec(
        id=task,
        summary=f"Fashion-IQ val, gallery {gallery}, reference {reference}, captions joined by {join}"
        + (f", best {rerank} re-ranked" if rerank else ""),
        target="fashionbench_tasks.retrieval.composed.queries:fashion_iq",
        version=VERSION,
        kind="composed-retrieval",
        dataset=FASHION_IQ.id,
        protocol=ProtocolCard.of(task, VERSION, fields),
        needs=needs,
        metrics=_IQ_METRICS,
        main_metric="mean-recall@10,50",
        trains=frozenset({"triplets"}),
        options=options,
        benchmark=FASHION_IQ.id,
        audit="fashionbench_tasks.retrieval.audit:fashion_iq",
    )


FASHION_IQ_TASKS = (
    _fashion_iq("original", gallery="original", reference="kept"),
    _fashion_iq("original-reference-removed", gallery="original", reference="removed"),
    _fashion_iq("val-union", gallery="val-union", reference="kept"),
    _fashion_iq("val-union-reference-removed", gallery="val-union", reference="removed"),
    _fashion_iq("original-join-comma", gallery="original", reference="kept", join="comma"),
    _fashion_iq("original-join-second-first", gallery="original", reference="kept", join="second-first"),
    _fashion_iq("original-join-each", gallery="original", reference="kept", join="each"),
    _fashion_iq("original-reranked-50", gallery="original", reference="kept", rerank=50),
)

CIRR_TASK = TaskSpec(
    id="cirr/val",
    summary="CIRR val: the reference is removed; the slice 'subset' ranks the five others of the query's set",
    target="fashionbench_tasks.retrieval.composed.queries:cirr",
    version=VERSION,
    kind="composed-retrieval",
    dataset=CIRR.id,
    protocol=ProtocolCard.of(
        "cirr/val",
        VERSION,
        {
            **_SHARED,
            "gallery": "the val split file",
            "gallery_sizes": {"full": cirr.EXPECTED["images/val"], "subset": 5},
            "reference": "removed",
            "average": "full",
            "average_note": "the slice 'full' is the headline; cirr-mean is (R@5 + R_subset@1) / 2",
            "soft_targets": "not used",
            "metrics": _CIRR_METRICS,
        },
    ),
    needs=NEEDS,
    metrics=_CIRR_METRICS,
    main_metric="cirr-mean",
    trains=frozenset({"triplets"}),
    options={"reference": "removed"},
    audit="fashionbench_tasks.retrieval.audit:retrieval",
)

CIRR_TEST = replace(
    CIRR_TASK,
    id="cirr/test1",
    summary="CIRR test1, whose targets are with its server: ranks, and 'fashionbench cirr-submission' writes the files",
    protocol=ProtocolCard.of(
        "cirr/test1",
        VERSION,
        {
            **CIRR_TASK.protocol.fields,
            "split": "test1",
            "gallery": "the test1 split file",
            "gallery_sizes": {"full": cirr.EXPECTED["images/test1"], "subset": 5},
            "positives": "not published",
            "metrics": (),
        },
    ),
    metrics=(),
    main_metric="",
    options={**CIRR_TASK.options, "split": "test1"},
)
CIRR_TASKS = (CIRR_TASK, CIRR_TEST)

_OACIRR_METRICS = ("hit@1", "hit@5", "hit@10", "hit@50", "mrr")


def _oacirr(domain: str) -> TaskSpec:
    task = f"oacirr/{domain}"
    fields = {
        **_SHARED,
        "split": oacirr.SPLIT,
        "query": "reference image, box of the object in it, and modification text; a backend may leave the box out",
        "text": "modification_text_mllm, without the words 'same ...' that the publisher may put before it",
        "gallery": "all images of the domain's split file, distractors among them",
        "reference": "removed",
        "positives": "target: the one target; instance: every image of the target's instance",
        "slices": "hit@1 and hit@5 of target are R@1 and R@5; hit@1 of instance is R_ID@1",
        "training": "none",
        "average": "target",
        "metrics": _OACIRR_METRICS,
    }
    return TaskSpec(
        id=task,
        summary=f"OACIRR, {domain}: the box in the reference says what must stay the same",
        target="fashionbench_tasks.retrieval.composed.oacirr:oacirr",
        version=VERSION,
        kind="composed-retrieval",
        dataset=OACIRR.id,
        protocol=ProtocolCard.of(task, VERSION, fields),
        needs=NEEDS,
        metrics=_OACIRR_METRICS,
        main_metric="hit@1",
        trains=frozenset(),
        options={"domain": domain},
        benchmark=OACIRR.id,
    )


OACIRR_TASKS = tuple(_oacirr(domain) for domain in oacirr.DOMAINS)

_PREFERENCE_METRICS = ("preference-ratio", "preference-accuracy")
HP_FASHION_IQ_TASK = TaskSpec(
    id="hp-fashion-iq/preference",
    summary="HP-FashionIQ: is the list of images scored higher that people prefer",
    target="fashionbench_tasks.retrieval.composed.preference:ListPreference",
    version=VERSION,
    kind="composed-retrieval",
    dataset=HP_FASHION_IQ.id,
    protocol=ProtocolCard.of(
        "hp-fashion-iq/preference",
        VERSION,
        {
            "split": "all choices of all persons",
            "query": "reference image and sentence",
            "similarity": "cosine, maximum over vectors; of a list the mean over its images",
            "missing_images": "a choice that shows a missing image is left out and counted",
            "training": "none",
            "average": "queries",
            "image": IMAGE,
            "metrics": _PREFERENCE_METRICS,
        },
    ),
    needs=NEEDS,
    metrics=_PREFERENCE_METRICS,
    main_metric="preference-ratio",
    trains=frozenset(),
)

DATASETS = (FASHION_IQ, CIRR, HP_FASHION_IQ, OACIRR)
TASKS = (*FASHION_IQ_TASKS, *CIRR_TASKS, HP_FASHION_IQ_TASK, *OACIRR_TASKS)

"""Cross-modal tasks as specifications: FashionGen in the field's six protocols, Fashion200K of M-BEIR, manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.datasets import fashion200k, fashiongen, mbeir
from fashionbench_tasks.image_reading import IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.specs.capabilities import Capability

VERSION = "1.0.0"
#: 1.1.0 leaves out queries that nobody has judged, which were misses before.
MBEIR_VERSION = "1.1.0"
NEEDS: tuple[frozenset[Capability]] = (frozenset({"encode-image", "encode-text"}),)

FASHIONGEN = DatasetSpec(
    id="fashiongen",
    summary="photos of 67,000 products, with title and description",
    target="fashionbench_tasks.datasets.fashiongen:FashionGen",
    revision="1",
    licence=Licence(id="research only, on request", source="https://arxiv.org/abs/1806.08317", usage="research"),
    access="request",
    splits=fashiongen.SPLITS,
    expected=fashiongen.EXPECTED,
    how_to_get="The site is gone; ask the authors, or a group that has it, for fashiongen_256_256_*.h5.",
)
FASHION200K = DatasetSpec(
    id="fashion200k",
    summary="200,000 cropped product photos with short descriptions",
    target="fashionbench_tasks.datasets.fashion200k:Fashion200K",
    revision="1",
    licence=Licence(id="research only", source="https://github.com/xthan/fashion-200k", usage="research"),
    access="request",
    splits=fashion200k.SPLITS,
    how_to_get="Follow the links in xthan/fashion-200k for the labels and the cropped images (women.tar.gz).",
)
MBEIR = DatasetSpec(
    id="fashion200k-mbeir",
    summary="Fashion200K as cross-modal retrieval, in M-BEIR's files",
    target="fashionbench_tasks.datasets.mbeir:MBeir",
    revision="1",
    licence=Licence(id="as Fashion200K", source="https://huggingface.co/datasets/TIGER-Lab/M-BEIR", usage="research"),
    access="public-hub",
    splits=("test",),
    expected=mbeir.EXPECTED,
    how_to_get="Download TIGER-Lab/M-BEIR from the Hugging Face hub: query, cand_pool/local, qrels and the images.",
)
MANIFEST = DatasetSpec(
    id="manifest",
    summary="a folder of your own with a manifest in CSV, Parquet or JSON Lines",
    target="fashionbench_tasks.datasets.manifest:Manifest",
    revision="1",
    licence=Licence(id="as you say", source="the owner of the folder"),
    access="request",
    template="fashionbench_tasks.own_data.template:write_template",
    row_check="fashionbench_tasks.own_data.row_check:row_faults",
    how_to_get="'fashionbench data new' writes a manifest.csv to fill in; docs/how-to/own-data.md names the columns.",
)

SHARED_FIELDS: Mapping[str, Any] = {
    "similarity": "cosine; maximum over vectors",
    "tie_rule": "expected",
    "tie_tolerance": "0.000001",
    "missing": "miss",
    "gallery_text": "none beyond the texts that are the candidates",
    "image": IMAGE,
    "training": "a backend that fits gets the train split; a backend trained elsewhere declares its data",
}
PAIR_METRICS = ("hit@1", "hit@5", "hit@10", "mean-hit@1,5,10", "recall@10", "mrr", "median-rank")
_TWO = "slices"
AUDIT = "fashionbench_tasks.retrieval.audit:retrieval"


def _fashiongen(name: str, target: str, summary: str, fields: Mapping[str, Any], **options: object) -> TaskSpec:
    task = f"fashiongen/{name}"
    text = str(options.setdefault("text", "title+description"))
    card = {
        **SHARED_FIELDS,
        "split": "val",
        "text": {"title+description": "title, a full stop, description", "description": "description"}[text],
        "metrics": PAIR_METRICS,
        "average": _TWO,
        "average_note": "both directions, unweighted; mean-hit@1,5,10 over all is the mean of six recalls",
        **fields,
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target=f"fashionbench_tasks.retrieval.cross_modal.{target}",
        version=VERSION,
        kind="cross-modal-retrieval",
        dataset=FASHIONGEN.id,
        protocol=ProtocolCard.of(task, VERSION, card),
        needs=NEEDS,
        metrics=PAIR_METRICS,
        main_metric="mean-hit@1,5,10",
        trains=frozenset({"pairs"}),
        options=options,
        benchmark=FASHIONGEN.id,
        audit=AUDIT,
    )


FASHIONGEN_TASKS = (
    _fashiongen(
        "full",
        "full:fashiongen_full",
        "all val photos against all val texts, and back (recommended)",
        {
            "query": "every photo; every product text",
            "gallery": "all product texts; all photos",
            "positives": "all photos of a product, best rank counts",
        },
    ),
    _fashiongen(
        "text-to-product",
        "products:fashiongen_products",
        "all val products for every product text, each product by the best of its photos",
        {
            "query": "every product text",
            "gallery": "all products; the score of one is the greatest over its photos",
            "positives": "the one product",
            "average": "queries",
            "average_note": "one direction; mean-hit@1,5,10 is the mean of three recalls",
        },
    ),
    _fashiongen(
        "101-list",
        "candidate_lists:fashiongen_lists",
        "published candidate lists: 1 positive and 100 negatives of the same sub-category",
        {
            "query": "as the lists say",
            "gallery": "as the lists say; their hash is in the record",
            "positives": "the one product",
        },
    ),
    _fashiongen(
        "101-fashionvil",
        "sampled:fashiongen_sampled",
        "FashionViL's sampling: 1,000 queries, 100 photos of the same sub-category as negatives, 5 draws",
        {
            "query": "1,000 random products, one photo each; 5 draws",
            "gallery": "1 + 100 photos of the same sub-category, filled up from others where it is short",
            "positives": "the one photo; other photos of its product are no candidates",
            "sampling": "seeded, where FashionViL's is not; the lists' hash is in the record",
        },
        queries=1000,
        candidates=101,
        draws=5,
        seed=0,
        group="subcategory",
        unit="photos",
    ),
    _fashiongen(
        "101-fashionsap",
        "sampled:fashiongen_sampled",
        "FashionSAP's sampling: 1,000 products with one photo each, 100 products of the same sub-category, once",
        {
            "query": "1,000 random products, one random photo each",
            "gallery": "1 + 100 products of the same sub-category, filled up from others where it is short",
            "positives": "the one product",
            "sampling": "seeded, where FashionSAP's is not; the lists' hash is in the record",
        },
        queries=1000,
        candidates=101,
        draws=1,
        seed=0,
        group="subcategory",
        unit="products",
        text="description",
    ),
    _fashiongen(
        "100-random-same-category",
        "sampled:fashiongen_sampled",
        "the UniFashion paper's words: 100 candidates of the same category, the positive among them, 5 draws",
        {
            "query": "1,000 random products, one random photo each; 5 draws",
            "gallery": "1 + 99 products of the same category, filled up from others where it is short",
            "positives": "the one product",
            "sampling": "seeded; the lists' hash is in the record",
        },
        queries=1000,
        candidates=100,
        draws=5,
        seed=0,
        group="category",
        unit="products",
    ),
    _fashiongen(
        "100-block",
        "sampled:fashiongen_blocks",
        "UniFashion's released code: consecutive blocks of 100, each a gallery of its own, the rest dropped",
        {
            "query": "the first photo of each product, in file order",
            "gallery": "the block of 100 consecutive products",
            "positives": "the one product",
            "dropped": "products after the last whole block; counted in the record",
        },
        block=100,
    ),
)


def _mbeir(number: int, name: str, query: str, gallery: str) -> TaskSpec:
    task = f"fashion200k-mbeir/{name}"
    metrics = ("hit@10", "recall@10", "hit@5", "recall@5", "hit@50", "mrr", "median-rank")
    card = {
        **SHARED_FIELDS,
        "split": "test",
        "query": query,
        "gallery": gallery,
        "positives": "the qrels",
        "unjudged": "a query without a positive in the qrels is left out and counted",
        "pool": "local",
        "instructions": "none prepended; a backend may add its own",
        "metrics": metrics,
        "metrics_note": "papers print hit@10 as R@10",
        "average": "queries",
    }
    return TaskSpec(
        id=task,
        summary=f"M-BEIR task {number}: {query} against {gallery}",
        target="fashionbench_tasks.retrieval.cross_modal.mbeir:mbeir",
        version=MBEIR_VERSION,
        kind="cross-modal-retrieval",
        dataset=MBEIR.id,
        protocol=ProtocolCard.of(task, MBEIR_VERSION, card),
        needs=NEEDS,
        metrics=metrics,
        main_metric="hit@10",
        trains=frozenset(),
        options={"task": number},
        audit=AUDIT,
    )


MBEIR_TASKS = (
    _mbeir(0, "text-to-image", "1,719 captions", "201,824 photos"),
    _mbeir(3, "image-to-text", "4,889 photos", "61,707 captions"),
)

#: 1.1.0 reads a file of judgements beside the manifest.
PAIRS_VERSION = "1.1.0"
JUDGED = "where a qrels file judges a query, its candidates of a grade above 0, gain equal to the grade; else grade 1"
PAIRS_TASK = TaskSpec(
    id="manifest/pairs",
    summary="your own image-text pairs in both directions, from fashion or from anywhere else",
    target="fashionbench_tasks.retrieval.cross_modal.manifest_pairs:manifest_pairs",
    version=PAIRS_VERSION,
    kind="cross-modal-retrieval",
    dataset=MANIFEST.id,
    protocol=ProtocolCard.of(
        "manifest/pairs",
        PAIRS_VERSION,
        {
            **SHARED_FIELDS,
            "split": "test, or val where there is no test, or all rows where there is no column split; never merged",
            "query": "every image; every different text of every group",
            "gallery": "every different text of every group; all images",
            "positives": "texts and images of one group, without a group of one image; an image may be in several",
            "grades": JUDGED,
            "metrics": PAIR_METRICS,
            "average": _TWO,
        },
    ),
    needs=NEEDS,
    metrics=PAIR_METRICS,
    main_metric="mean-hit@1,5,10",
    trains=frozenset({"pairs"}),
    audit=AUDIT,
)

DATASETS = (FASHIONGEN, FASHION200K, MBEIR, MANIFEST)
TASKS = (*FASHIONGEN_TASKS, *MBEIR_TASKS, PAIRS_TASK)

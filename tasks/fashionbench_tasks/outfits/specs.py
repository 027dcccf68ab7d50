"""Outfit tasks as specifications: fill in the blank, compatibility, and complementary item retrieval."""

from __future__ import annotations

from fashionbench.specs import DatasetSpec, Licence, TaskSpec
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.image_reading import IMAGE

VERSION = "1.0.0"
COMPLEMENTARY_VERSION = "1.0.0"

POLYVORE = DatasetSpec(
    id="polyvore",
    summary="outfits with fill-in-the-blank questions, compatibility labels, and the categories of their items",
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


#: Cut-offs that Lin et al. print; there is one right answer, so that recall is a share of questions.
_COMPLEMENTARY_METRICS = ("recall@10", "recall@30", "recall@50", "mrr", "median-rank")
_GALLERIES = {
    "semantic_category": "the items of the test outfits whose semantic_category is that of the missing item",
    "category_id": "the items of the test outfits whose category_id is that of the missing item",
    "all": "the items of all test outfits, whatever their category",
}


def _complementary(name: str, gallery: str, summary: str) -> TaskSpec:
    """Make a task of complementary item retrieval.

    :param gallery: key of the galleries, which is the option of the target.
    """
    task = f"polyvore/{name}"
    card = {
        "split": "test",
        "version": "nondisjoint",
        "image": IMAGE,
        "query": "each fill-in-the-blank question: the items of an outfit without one, whose category is known",
        "gallery": _GALLERIES[gallery],
        "excluded": "the items that the question shows",
        "positives": "the missing item",
        "similarity": "mean cosine between item embeddings; maximum over vectors",
        "tie_rule": "expected",
        "tie_tolerance": "0.000001",
        "missing": "miss",
        "missing_note": "a question that lacks a photo is a miss; a candidate without one is left out of the gallery",
        "training": "a backend that fits gets the ordered pairs of items of train outfits, with the second's category",
        "published": "of another gallery: Lin et al. (CVPR 2020) rank samples of each fine category; not checked here",
        "average": "queries",
        "metrics": _COMPLEMENTARY_METRICS,
    }
    return TaskSpec(
        id=task,
        summary=summary,
        target="fashionbench_tasks.outfits.complementary:Complementary",
        version=COMPLEMENTARY_VERSION,
        kind="complementary-retrieval",
        dataset=POLYVORE.id,
        protocol=ProtocolCard.of(task, COMPLEMENTARY_VERSION, card),
        needs=(frozenset({"encode-image"}),),
        metrics=_COMPLEMENTARY_METRICS,
        main_metric="recall@10",
        trains=frozenset({"triplets"}),
        options={"version": "nondisjoint", "gallery": gallery},
        benchmark="polyvore/complementary",
    )


OUTFIT_TASKS = (
    _outfits(
        "fill-in-the-blank",
        "fill_in_the_blank:FillInTheBlank",
        ("hit@1", "mrr"),
        "which of four items completes an outfit",
    ),
    _outfits("compatibility", "compatibility:Compatibility", ("roc-auc",), "do the items of a set go together"),
    _complementary("complementary", "semantic_category", "the missing item of an outfit, among all of its category"),
    _complementary("complementary-fine", "category_id", "the missing item of an outfit, among its fine category"),
    _complementary("complementary-all", "all", "the missing item of an outfit, among the items of all categories"),
)

DATASETS = (POLYVORE,)
TASKS = OUTFIT_TASKS

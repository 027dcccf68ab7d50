"""The metrics that come with the core, registered like anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fashionbench.metrics.captioning.specs import ATTRIBUTE_METRICS, CAPTION_METRICS
from fashionbench.metrics.generation.specs import DISTANCE_METRICS
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.specs import MetricSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

FASHIONBENCH_API = (1, 0)


def _ranking(
    name: str, attribute: str, summary: str, *, unit: Literal["fraction", "rank"] = "fraction", higher: bool = True
) -> MetricSpec:
    return MetricSpec(
        id=name,
        summary=summary,
        target=f"fashionbench.metrics.retrieval.metrics:{attribute}",
        implementation=f"fashionbench.{name.removesuffix('@k')}/1",
        predictions="ranking/1",
        higher_is_better=higher,
        unit=unit,
    )


@hookimpl
def register_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of the core."""
    return [
        *CAPTION_METRICS,
        *ATTRIBUTE_METRICS,
        *DISTANCE_METRICS,
        _ranking("hit@k", "hit", "share of queries with any positive in the top k (what most papers print as R@k)"),
        _ranking("recall@k", "recall", "share of a query's positives in the top k, averaged over queries"),
        _ranking("mean-hit@k", "mean_hit", "mean of hit@k over several k, such as mean-hit@1,5,10"),
        _ranking("mean-recall@k", "mean_recall", "mean of recall@k over several k, such as Fashion-IQ's @10,50"),
        _ranking("cirr-mean", "cirr_mean", "mean of R@5 and R_subset@1, the headline of CIRR"),
        _ranking("map@k", "average_precision", "mean average precision within the top k"),
        _ranking("ndcg@k", "ndcg", "normalised discounted cumulative gain of the top k, relevance by grade or 0 and 1"),
        _ranking("mrr", "reciprocal_rank", "mean of one over the rank of the first positive"),
        MetricSpec(
            id="roc-auc",
            summary="area under the ROC curve, ties by half",
            target="fashionbench.metrics.outfits.roc_auc:roc_auc",
            implementation="fashionbench.roc-auc/2",
            predictions="scored/1",
            higher_is_better=True,
            by_item=False,
            unit="fraction",
        ),
        *(
            MetricSpec(
                id=name,
                summary=summary,
                target=f"fashionbench.metrics.retrieval.preference:{name.replace('-', '_')}",
                implementation=f"fashionbench.{name}/1",
                predictions="preference/1",
                higher_is_better=True,
                unit="fraction",
            )
            for name, summary in {
                "preference-ratio": "share of people who prefer the first list, where the model scores it higher",
                "preference-accuracy": "share of choices in which the preferred list scores higher, ties by half",
            }.items()
        ),
        _ranking("median-rank", "median_rank", "median rank of the first positive", unit="rank", higher=False),
    ]

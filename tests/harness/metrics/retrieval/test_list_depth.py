"""Metrics of imported lists that end before the gallery does, against the metrics of the whole lists."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import toy_plugin

from fashionbench import BoardSpec, Column, api
from fashionbench.data.items import TextItem
from fashionbench.metrics.scoring import score
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.imported import Imported, RankedList
from fashionbench.predictions.ranking import SCHEMA
from fashionbench.specs.protocol import ProtocolCard
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.from_rankings import tables_of

GALLERY = 40
METRICS = ("hit@1", "hit@10", "hit@30", "recall@10", "recall@30", "mean-recall@10,30", "map@10", "map@30",
           "ndcg@10", "ndcg@30", "mrr")  # fmt: skip


def fold(answers, name="all"):
    """Make queries whose positives stand at the given ranks of the whole list."""
    queries = [TextItem(f"{name}{i}", "x") for i in range(len(answers))]
    return Fold(
        name=name,
        queries=queries,
        gallery=[TextItem(f"g{i}", "y") for i in range(GALLERY)],
        positives={q.id: [f"g{rank - 1}" for rank in ranks] for q, ranks in zip(queries, answers, strict=True)},
    )


def scored(folds, depth, *, plugins, names=(*METRICS, "median-rank"), average="queries"):
    ranked = [f"g{i}" for i in range(GALLERY)]
    depths = depth if isinstance(depth, dict) else dict.fromkeys((f.name for f in folds), depth)
    rankings = {q.id: RankedList(ranked[: depths[f.name]]) for f in folds for q in f.queries}
    table = pa.concat_tables(tables_of(Imported((Path("x"),), "0", rankings=rankings), folds))
    base = plugins.tasks["toy/squares"]
    card = ProtocolCard.of(base.id, base.version, {**base.protocol.fields, "average": average})
    return score(Predictions(SCHEMA, table), replace(base, protocol=card), plugins.metrics, "s", names=names)


def values(scores, part="all"):
    return {m.id: m.value for m in scores.metrics if m.slice == part}


def test_a_list_that_ends_before_the_cut_off_gives_what_it_tells_and_no_more(plugins):
    """The targets stand at rank 20, so a list of ten tells nothing of rank 30."""
    folds = [fold([[20]] * 12)]
    whole = values(scored(folds, GALLERY, plugins=plugins))
    assert (whole["recall@30"], whole["mrr"], whole["median-rank"]) == (1.0, pytest.approx(1 / 20), 20)
    cut = scored(folds, 10, plugins=plugins)
    assert set(values(cut)) == {"hit@1", "hit@10", "recall@10", "map@10", "ndcg@10", "mrr"}
    reasons = {absent.id: absent.reason for absent in cut.absent}
    assert set(reasons) == {"hit@30", "recall@30", "mean-recall@10,30", "map@30", "ndcg@30", "median-rank"}
    assert all("end at 10" in reason and "12 of 12" in reason for reason in reasons.values())
    (mrr,) = (m for m in cut.metrics if m.id == "mrr")
    assert (mrr.bound, mrr.value, mrr.interval) == ("lower", pytest.approx(1 / GALLERY), None)


def test_a_list_that_names_every_answer_gives_every_value(plugins):
    """What stands behind the last answer is of no account."""
    folds = [fold([[3], [7], [1, 9]])]
    whole, cut = scored(folds, GALLERY, plugins=plugins), scored(folds, 10, plugins=plugins)
    assert values(cut) == values(whole)
    assert not cut.absent
    assert {m.bound for m in cut.metrics} == {""}


@pytest.mark.parametrize("depth", [5, 12, 39, 40])
def test_each_value_is_that_of_the_whole_list_or_absent_or_a_lower_bound(plugins, depth):
    rng = np.random.default_rng(depth)
    folds = [fold([sorted(rng.choice(GALLERY, size, replace=False) + 1) for size in rng.integers(1, 4, 30)])]
    whole, cut = values(scored(folds, GALLERY, plugins=plugins)), scored(folds, depth, plugins=plugins)
    for metric in cut.metrics:
        if metric.bound:
            assert metric.value < whole[metric.id]
        else:
            assert metric.value == pytest.approx(whole[metric.id], abs=1e-12), metric.id
    assert {m.id for m in cut.metrics} | {a.id for a in cut.absent} == set(whole)


def test_a_list_of_all_but_the_answer_tells_that_it_is_last(plugins):
    folds = [fold([[GALLERY]] * 3)]
    cut = scored(folds, GALLERY - 1, plugins=plugins)
    assert not cut.absent
    assert values(cut)["median-rank"] == GALLERY
    assert values(cut)["mrr"] == pytest.approx(1 / GALLERY)


def test_the_median_is_given_where_it_lies_inside_the_lists(plugins):
    ranks = [2, 4, 6, 20, 30]
    found = values(scored([fold([[r] for r in ranks])], 10, plugins=plugins))
    assert found["median-rank"] == statistics.median(ranks)
    assert "median-rank" not in values(scored([fold([[r] for r in ranks])], 5, plugins=plugins))


def test_a_cut_off_behind_the_last_candidate_takes_them_all(plugins):
    found = values(scored([fold([[20]] * 2)], 10, names=("recall@40", "recall@50", "recall@39"), plugins=plugins))
    assert found == {"recall@40": 1.0, "recall@50": 1.0}


def test_one_short_slice_leaves_the_mean_over_slices_absent_and_the_other_slices_whole(plugins):
    folds = [fold([[20], [2]], "a"), fold([[20], [2]], "b")]
    cut = scored(folds, {"a": 10, "b": 30}, names=("recall@30", "mrr"), average="slices", plugins=plugins)
    assert {(m.id, m.slice) for m in cut.metrics} == {("recall@30", "b"), ("mrr", "all"), ("mrr", "a"), ("mrr", "b")}
    assert [a.id for a in cut.absent] == ["recall@30"]
    assert {m.slice: m.bound for m in cut.metrics if m.id == "mrr"} == {"all": "lower", "a": "lower", "b": ""}


def test_the_depth_is_in_the_record_and_the_row_is_marked(plugins, store, tmp_path):
    names = [f"text-{name}" for name in toy_plugin.COLOURS]
    path = tmp_path / "r.json"
    lists = {f"image-{c}": [n for n in names if n != f"text-{c}"][:3] for c in toy_plugin.COLOURS}
    path.write_text(json.dumps(lists))
    record = api.score("toy/squares", path, store=store, plugins=plugins)
    assert record.predictions.depth == {"all": 3}
    (row,) = api.make_board("toy", store=store, plugins=plugins).tables[0].rows
    assert "truncated-lists" in row.marks
    ranks = BoardSpec(id="m", title="m", summary="m", columns=(Column(task="toy/squares", metric="mrr"),))
    (row,) = api.make_board(ranks, store=store, plugins=plugins).tables[0].rows
    assert row.values[0].bound == "lower"
    path.write_text(json.dumps({query: [*found, *(set(names) - set(found))] for query, found in lists.items()}))
    assert api.score("toy/squares", path, name="whole", store=store, plugins=plugins).predictions.depth == {}


def test_a_lower_bound_is_one_in_a_data_frame(plugins, store, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({f"image-{c}": ["text-red"] for c in toy_plugin.COLOURS}))
    table = api.frame([api.score("toy/squares", path, store=store, plugins=plugins)]).set_index("metric")
    assert table.loc["mrr", "bound"] == "lower"
    assert table.loc["hit@1", "bound"] == ""
    assert "end at 1" in table.loc["median-rank", "reason"]


def test_a_protocol_that_refuses_queries_without_an_answer_names_them(plugins):
    folds = [fold([[1], [], [2], []])]
    base = plugins.tasks["toy/squares"]
    card = ProtocolCard.of(base.id, base.version, {**base.protocol.fields, "missing": "refuse"})
    rankings = {q.id: RankedList([f"g{i}" for i in range(GALLERY)]) for q in folds[0].queries}
    table = tables_of(Imported((Path("x"),), "0", rankings=rankings), folds)[0]
    found = score(
        Predictions(SCHEMA, table), replace(base, protocol=card), plugins.metrics, "s", names=["hit@1", "mrr"]
    )
    assert not found.metrics
    assert all("no positive in the gallery for 2 queries: all1, all3" in absent.reason for absent in found.absent)

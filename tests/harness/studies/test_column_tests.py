"""Rank sets, the best group and differences of a board's columns, against sums over all patterns of signs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import toy_plugin
import tryon_folder

from fashionbench import api
from fashionbench.boards import Board
from fashionbench.boards.text import is_among_best, standing
from fashionbench.errors import ConfigError, FashionBenchError
from fashionbench.plugins.origin import Origin
from fashionbench.records.migrations import content_id, load
from fashionbench.specs import BoardSpec, Column
from fashionbench.studies.column_tests import with_tests
from fashionbench.studies.item_values import item_values

TASK = "toy/squares"
NAMES = list(toy_plugin.COLOURS)
#: The rank that each system gives the right text of each of eight queries.
RANKS = {
    "best": [1, 1, 1, 1, 1, 1, 1, 1],
    "near": [1, 1, 1, 2, 1, 1, 1, 1],
    "worst": [8, 7, 8, 8, 7, 8, 6, 8],
    "poor": [7, 8, 7, 7, 8, 7, 7, 8],
}


@pytest.fixture
def ranked(plugins, store, tmp_path):
    """Score rankings of the four systems, with a control beside them."""

    def score(systems=tuple(RANKS)):
        for name in systems:
            lists = {}
            for query, rank in zip(NAMES, RANKS[name], strict=True):
                others = [f"text-{other}" for other in NAMES if other != query]
                lists[f"image-{query}"] = [*others[: rank - 1], f"text-{query}", *others[rank - 1 :]]
            path = tmp_path / f"{name}.json"
            path.write_text(json.dumps(lists))
            api.score(TASK, path, name=name, store=store, plugins=plugins)
        return store

    return score


def board(store, plugins, *columns, base=""):
    spec = BoardSpec(id="b", summary="", title="b", columns=columns or (Column(task=TASK, metric="mrr"),), base=base)
    return api.make_board(spec, store=store, plugins=plugins)


def by_label(table, what):
    return {row.label.removeprefix("imported/"): what[at] for at, row in enumerate(table.rows)}


def westfall_young(values):
    """Compute the adjusted p-values of all pairs by the definition, over all 2^n patterns of signs."""
    pairs = list(combinations(range(len(values)), 2))
    gaps = np.array([values[a] - values[b] for a, b in pairs])
    scale = np.sqrt((gaps**2).sum(axis=1))
    found = np.abs(gaps.sum(axis=1)) / scale
    order = np.argsort(-found, kind="stable")
    patterns = np.array(list(product([1, -1], repeat=values.shape[1])))
    sizes = np.abs(patterns @ gaps.T) / scale
    adjusted, least = {}, 0.0
    for place, at in enumerate(order):
        largest = sizes[:, order[place:]].max(axis=1)
        least = max(least, float((largest >= found[at] - 1e-9).mean()))
        adjusted[pairs[at]] = least
    return adjusted


def test_rank_sets_are_those_of_the_tests_over_all_patterns_of_signs(plugins, ranked):
    (table,) = board(ranked(), plugins).tables
    (tests,) = table.tests
    names = list(RANKS)
    p_values = westfall_young(np.array([[1 / rank for rank in RANKS[name]] for name in names]))
    means = {name: np.mean([1 / rank for rank in RANKS[name]]) for name in names}
    better = {name: set() for name in names}
    for (a, b), p_value in p_values.items():
        if p_value <= 0.05:
            good, bad = sorted((names[a], names[b]), key=lambda name: -means[name])
            better[bad].add(good)
    expected = {n: (1 + len(better[n]), 4 - sum(n in lost for lost in better.values())) for n in names}
    assert expected["best"] == (1, 2), "the case itself: two that cannot be told apart, before two others"
    assert by_label(table, tests.ranks) == expected
    assert by_label(table, tests.tied_with_best) == {"best": True, "near": True, "worst": False, "poor": False}
    assert table.rows[tests.reference].label == "imported/best"
    assert tests.method == "max-T step-down/all 128 sign patterns/cluster, 4 rows"


def test_wins_ties_and_losses_are_counted_against_the_best(plugins, ranked):
    (table,) = board(ranked(), plugins).tables
    against = by_label(table, table.tests[0].against)
    assert against["best"] is None
    near = against["near"]
    assert (near.wins, near.ties, near.losses, near.interval) == (0, 7, 1, None)
    assert near.difference == pytest.approx(-0.5 / 8)


def test_a_base_gives_each_row_a_difference_with_an_interval(plugins, ranked):
    (table,) = board(ranked(), plugins, base="imported/worst").tables
    poor = by_label(table, table.tests[0].against)["poor"]
    gains = np.array([1 / a - 1 / b for a, b in zip(RANKS["poor"], RANKS["worst"], strict=True)])
    assert poor.difference == pytest.approx(gains.mean())
    assert (poor.wins, poor.losses) == ((gains > 0).sum(), (gains < 0).sum())
    assert poor.interval[0] < poor.difference < poor.interval[1]
    at = [row.label for row in table.rows].index("imported/poor")
    assert f"{poor.wins}/{poor.ties}/{poor.losses} won/tied/lost" in standing(table, at, 0)
    with pytest.raises(ConfigError, match="names the base 'nobody', and its rows are: imported/best"):
        board(ranked(), plugins, base="nobody")


def test_a_lower_value_is_better_where_the_metric_says_so(plugins, ranked):
    store = ranked()
    scan = [store.add(record.model_copy(update={"metrics": turned(record)})) for record in store.scan().current()]
    assert scan
    column = Column(task=TASK, metric="mrr")
    made = Board.build(BoardSpec(id="b", summary="", title="b", columns=(column,)), scan, plugins)
    (tests,) = with_tests(made, store, plugins).tables[0].tests
    assert by_label(made.tables[0], tests.tied_with_best)["best"] is False
    assert by_label(made.tables[0], tests.tied_with_best)["worst"] is True


def turned(record):
    return tuple(part.model_copy(update={"higher_is_better": False}) for part in record.metrics)


def test_controls_and_limited_runs_are_not_ranked(plugins, store, ranked):
    ranked()
    record = api.run({"tasks": TASK, "backends": ["toy/colour", "toy/greedy"]}, plugins=plugins, store=store)[0]
    control = record.backend.model_copy(update={"id": "toy/control", "control": True})
    store.add(record.model_copy(update={"backend": control, "cell": "x"}))
    api.run({"tasks": TASK, "backends": "toy/colour", "limit": 3}, plugins=plugins, store=store)
    (table,) = board(store, plugins).tables
    ranks = by_label(table, table.tests[0].ranks)
    assert ranks["toy/control"] is None
    assert ranks["toy/colour (limit=3)"] is None
    assert ranks["toy/colour"] is not None
    assert "6 rows" in table.tests[0].method


def test_no_ranks_where_items_differ_or_a_row_stands_alone(plugins, store, ranked):
    ranked(["best"])
    assert board(store, plugins).tables[0].tests[0].reason == "fewer than two rows to compare"
    ranked(["poor"])
    fewer = next(r for r in store.scan().current() if r.backend.id.endswith("poor"))
    cut = tuple(part.model_copy(update={"n": 7}) for part in fewer.metrics)
    store.add(fewer.model_copy(update={"metrics": cut, "supersedes": fewer.record_id}))
    tests = board(store, plugins).tables[0].tests[0]
    assert tests.reason == "n differs between rows: 7, 8"
    assert tests.ranks == (None, None)


def test_a_value_that_is_not_that_of_its_predictions_gets_no_rank(plugins, store, ranked):
    ranked()
    one = store.scan().current()[0]
    wrong = tuple(part.model_copy(update={"value": 0.123}) for part in one.metrics)
    store.add(one.model_copy(update={"metrics": wrong, "supersedes": one.record_id}))
    assert board(store, plugins).tables[0].tests[0].reason == "the values by item do not average to the value"


def test_seeds_vary_where_rows_have_several(plugins, store, ranked):
    ranked(["best", "poor", "worst"])
    records = store.scan().current()
    for record in records:
        other = next(r for r in records if r.backend.id != record.backend.id)
        decoding = record.decoding.model_copy(update={"seed": 1})
        same = {"predictions": record.predictions, "metrics": record.metrics}
        if record.backend.id.endswith("best"):
            same = {"predictions": other.predictions, "metrics": other.metrics}
        store.add(record.model_copy(update={**same, "decoding": decoding, "cell": record.cell + "1"}))
    (table,) = board(store, plugins).tables
    assert table.tests[0].method == "seeds and clusters/Holm, 3 rows"
    # One of its two seeds is as bad as the others, so nothing is known of the next.
    assert by_label(table, table.tests[0].ranks)["best"] == (1, 3)


def test_formats_show_ranks_and_the_best_group(plugins, ranked):
    made = board(ranked(), plugins, base="imported/worst")
    (table,) = made.tables
    rows = list(csv.DictReader(io.StringIO(api.render_board(made, "csv", plugins=plugins))))
    shown = {row["label"].removeprefix("imported/"): row for row in rows}
    assert (shown["near"]["rank_from"], shown["near"]["rank_to"], shown["near"]["tied_with_best"]) == ("1", "2", "True")
    assert float(shown["near"]["detectable"]) == table.tests[0].detectable
    assert shown["near"]["reference"] == "imported/worst"
    assert shown["worst"]["difference"] == ""
    page = api.render_board(made, "markdown", plugins=plugins)
    line = next(line for line in page.splitlines() if line.startswith("| imported/near"))
    assert "**93.75**" in line
    assert "rank 1–2" in line
    assert "**" not in next(line for line in page.splitlines() if line.startswith("| imported/poor"))
    assert not is_among_best(table, [row.label for row in table.rows].index("imported/poor"), 0)


def test_a_metric_of_a_whole_set_is_not_computed_to_find_that_it_has_no_values_by_item(plugins, ranked):
    store = ranked(["best"])
    (record,) = store.scan().current()
    for name, by_item in (("whole", False), ("items", True)):
        broken = replace(plugins.metrics["mrr"], id=name, target="toy_plugin:absent", by_item=by_item)
        plugins.metrics.put(broken, Origin("test", "test", "1"))
    assert item_values(record, "whole", store, plugins) is None
    with pytest.raises(FashionBenchError, match="absent"):
        item_values(record, "items", store, plugins)


def test_values_by_image_are_kept_with_the_record(plugins, store, tmp_path):
    root = tryon_folder.write(tmp_path / "data")
    task = "viton-hd/paired"

    def score(name, change):
        folder = tryon_folder.predict(root, tmp_path / name, change)
        return api.score(task, folder, name=name, data={"viton-hd": root}, store=store, plugins=plugins)

    grey = score("grey", lambda image: image.convert("L").convert("RGB"))
    score("dark", lambda image: image.point(lambda level: level // 3))
    kept = item_values(grey, "ssim", store, plugins)
    assert len(kept.values) == grey.metric("ssim").n
    assert kept.values.mean() == pytest.approx(grey.metric("ssim").value, abs=1e-12)
    made = board(store, plugins, Column(task=task, metric="ssim"))
    assert made.tables[0].tests[0].method.startswith("max-T")
    # A record from before they were kept has none, and none is made up.
    fields = json.loads(grey.model_dump_json())
    for part in fields["metrics"]:
        part.pop("values")
    old = load({**fields, "record_id": content_id(fields)})
    assert item_values(old, "ssim", store, plugins) is None
    # A damaged file is a fault of its record, as damaged predictions are.
    path = store.predictions.values_path(grey.metric("ssim").values)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    hurt = Board.of(replace(made.spec), store, plugins)
    assert [fault.path for fault in hurt.faults] == [path]

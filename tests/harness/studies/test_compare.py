"""Two systems beside each other: what is compared, with what numbers, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import fashionbench
from fashionbench.api.comparisons import compare_stored, per_query, render_comparison
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError, FashionBenchError, UnknownNameError
from fashionbench.records.store import Store
from fashionbench.statistics.paired import mcnemar_exact

TASK = "wardrobe/image-to-image"


def run(store, backend, **fields):
    config = {"tasks": TASK, "backends": backend, "device": "cpu", **fields}
    return fashionbench.run(config, store=store)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "store"
    run(folder, ["control/random", "baseline/colour-histogram"])
    return folder


def first_ranks(store, backend):
    """Read each query's best rank from the predictions themselves; no best positive is tied here."""
    (record,) = (r for r in fashionbench.load_records(store) if r.backend.id == backend)
    digest = record.predictions.sha256.removeprefix("sha256:")
    table = pq.read_table(store / "predictions" / f"{digest}.parquet").to_pylist()
    assert not any(min(zip(row["better"], row["tied"], strict=True))[1] for row in table)
    return {row["query_id"]: 1 + min(row["better"]) for row in table}, record


def test_the_numbers_are_those_of_the_records_and_of_their_predictions(store):
    (made,) = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["hit@5", "mrr"])
    before, first = first_ranks(store, "control/random")
    after, second = first_ranks(store, "baseline/colour-histogram")
    (hits,) = [one for one in made.differences if (one.metric, one.slice) == ("hit@5", "all")]
    assert hits.baseline == pytest.approx(first.metric("hit@5").value, abs=1e-12)
    assert hits.candidate == pytest.approx(second.metric("hit@5").value, abs=1e-12)
    won = sum(after[q] <= 5 < before[q] for q in before)
    lost = sum(before[q] <= 5 < after[q] for q in before)
    assert (hits.wins, hits.losses, hits.ties) == (won, lost, len(before) - won - lost)
    assert hits.interval[0] < hits.difference < hits.interval[1]
    # Independent items would give McNemar's p; clusters of three change it, but not its size.
    exact = mcnemar_exact(
        *(np.array([float(ranks[q] <= 5) for q in sorted(ranks)]) for ranks in (after, before))
    ).p_value
    assert hits.p_value < 0.01
    assert exact < 0.01
    assert {one.slice for one in made.differences} == {"all", "fluent", "noto", "twemoji"}


def test_the_other_way_round_is_the_negative(store):
    (there,) = compare_stored("control/random", "baseline/colour-histogram", store=store)
    (back,) = compare_stored("baseline/colour-histogram", "control/random", store=store)
    for one, other in zip(there.differences, back.differences, strict=True):
        assert one.difference == pytest.approx(-other.difference, abs=1e-12)
        assert (one.wins, one.losses) == (other.losses, other.wins)
        assert one.p_value == pytest.approx(other.p_value, abs=0.02) if one.p_value else other.p_value is None


def test_slices_are_adjusted_after_holm(store, tmp_path):
    (made,) = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["map@10"])
    adjusted = sorted(one.p_value for one in made.differences if one.slice != "all")
    # 10,000 tosses: the smallest of three p-values is at least three in 10,001.
    assert adjusted[0] >= 3 / 10_001


def test_flips_are_the_items_that_changed_most(store):
    (made,) = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["mrr"])
    before, _ = first_ranks(store, "control/random")
    after, _ = first_ranks(store, "baseline/colour-histogram")
    change = {q: 1 / after[q] - 1 / before[q] for q in before}
    assert len(made.flips) == 50
    least = min(abs(flip.candidate - flip.baseline) for flip in made.flips)
    named = {flip.item for flip in made.flips}
    assert all(abs(value) <= least + 1e-9 for q, value in change.items() if q not in named)
    gains = [flip.candidate - flip.baseline for flip in made.flips]
    assert gains == sorted(gains)


def test_a_system_is_equal_to_itself(store):
    (made,) = compare_stored("control/random", "control/random", store=store)
    assert made.flips == ()
    for one in made.differences:
        assert one.difference == 0
        assert one.p_value in {None, 1.0}


def test_other_data_and_limited_runs_are_refused_and_named(store, tmp_path):
    limited = tmp_path / "limited"
    run(limited, "control/random", limit=3)
    records = fashionbench.load_records(store)
    ours = [r for r in records if r.backend.id == "control/random"]
    partial = fashionbench.load_records(limited)
    copied = Store(tmp_path / "both")
    for record, where in ((ours[0], store), (partial[0], limited)):
        copied.write_predictions(Store(where).read_predictions(record.predictions), record.predictions.schema_id)
    with pytest.raises(ConfigError, match="one side is a limited run"):
        fashionbench.compare(ours, partial, store=copied)
    card = {**ours[0].protocol.card, "tie_rule": "optimistic"}
    other = ours[0].model_copy(
        update={"protocol": ours[0].protocol.model_copy(update={"card": card, "hash": "sha256:other"})}
    )
    with pytest.raises(ConfigError, match=r"tie_rule: 'optimistic'"):
        fashionbench.compare(ours, [other], store=store)
    moved = ours[0].model_copy(update={"dataset": ours[0].dataset.model_copy(update={"fingerprint": "sha256:x"})})
    with pytest.raises(ConfigError, match="other data"):
        fashionbench.compare(ours, [moved], store=store)


def test_a_reason_is_said_once_a_task_with_the_metrics_that_it_is_of(store):
    ours = next(r for r in fashionbench.load_records(store) if r.backend.id == "control/random")
    card = {**ours.protocol.card, "tie_rule": "optimistic"}
    other = ours.model_copy(
        update={"protocol": ours.protocol.model_copy(update={"card": card, "hash": "sha256:other"})}
    )
    assert len({part.id for part in ours.metrics}) > 2
    with pytest.raises(ConfigError) as caught:
        fashionbench.compare([ours], [other], store=store)
    assert caught.value.message.count("tie_rule: 'optimistic'") == 1
    assert f"cannot be compared: {TASK}: not comparable" in caught.value.message  # all metrics alike: none is listed
    parts = [
        part.model_copy(update={"implementation": "other/1"}) if part.id in {"hit@1", "mrr"} else part
        for part in ours.metrics
    ]
    told = fashionbench.compare([ours], [ours.model_copy(update={"metrics": tuple(parts)})], store=store).left_out
    (line,) = told
    assert set(line.partition(":")[0].removeprefix(f"{TASK} ").split(", ")) == {"hit@1", "mrr"}
    assert line.endswith("other metric implementation")


def test_names_that_fit_none_or_several_say_what_there_is(store, tmp_path):
    with pytest.raises(UnknownNameError, match="control/random"):
        compare_stored("control/randm", "baseline/colour-histogram", store=store)
    two = tmp_path / "two"
    for dimension in (16, 32):
        run(two, {"id": "control/random", "options": {"dimension": dimension}})
    with pytest.raises(ConfigError, match=r"fits 2 systems.*dimension=16.*dimension=32"):
        compare_stored("control/random", "control/random", store=two)
    (made,) = compare_stored("control/random (dimension=16)", "control/random (dimension=32)", store=two)
    assert made.candidate == "control/random (dimension=32)"


@pytest.mark.parametrize(("wrong", "near"), [("mr", "mrr"), ("hit5", "hit@5"), ("cider", ""), ("MRR", "mrr")])
def test_a_metric_that_not_both_have_is_answered_with_those_that_both_have(store, wrong, near):
    for metrics in ([wrong], ["mrr", wrong]):
        with pytest.raises(ConfigError, match=f"do not both have '{wrong}'") as raised:
            compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=metrics)
        assert near in raised.value.message.partition("did you mean")[2]
        assert "both have: hit@1, hit@5" in raised.value.remedy


@pytest.mark.parametrize("default", ["absent", "filled"])
def test_what_is_neither_a_system_nor_a_store_is_said(store, tmp_path, monkeypatch, default):
    monkeypatch.chdir(tmp_path)
    records = store if default == "filled" else tmp_path / "results"
    for pair in ((str(store), "nowhere"), ("nowhere", str(store)), ("nowhere", "elsewhere")):
        with pytest.raises(FashionBenchError, match=r"nowhere.*no (store at nowhere|folder of a store)"):
            compare_stored(*pair, store=records)


@pytest.mark.parametrize("held", ["nothing", "cache", "no records", "failures"])
def test_a_store_without_records_is_said(store, tmp_path, held, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty = tmp_path / "empty"
    (empty / {"cache": "cache", "no records": "records"}.get(held, "")).mkdir(parents=True)
    if held == "failures":
        run(empty, {"id": "control/random", "options": {"dimension": 0}})
    told = f"{empty} has " + ("no record of a run that succeeded" if held == "failures" else "no records")
    for pair in ((str(store), str(empty)), (str(empty), str(store)), (str(empty), "control/random")):
        for where in (store, None):
            with pytest.raises(ConfigError, match=told):
                compare_stored(*pair, store=where)
    with pytest.raises(ConfigError, match=told):
        compare_stored("control/random", "baseline/colour-histogram", store=empty)


def test_two_stores_are_compared_system_by_system(store, tmp_path):
    later = tmp_path / "later"
    run(later, "control/random", seeds=[0])
    (made,) = compare_stored(str(store), str(later))
    assert made.baseline == "store: control/random"
    assert all(one.difference == 0 for one in made.differences)


def test_several_seeds_vary_too(tmp_path):
    store = tmp_path / "seeds"
    run(store, ["control/random", "baseline/colour-histogram"], seeds=[0, 1, 2])
    (made,) = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["mrr"])
    (whole,) = [one for one in made.differences if one.slice == "all"]
    assert whole.seeds == (3, 3)
    assert "seeds and clusters" in whole.method
    assert whole.interval[0] < whole.difference < whole.interval[1]
    assert 0 <= whole.p_value < 0.01


def test_values_by_query_average_to_the_record(store):
    (record,) = (r for r in fashionbench.load_records(store) if r.backend.id == "control/random")
    values = per_query(record, "mrr", store=store)
    by_slice = [values.values[np.array(values.slices) == name].mean() for name in sorted(set(values.slices))]
    whole = np.mean(by_slice) if values.average == "slices" else values.values.mean()
    assert whole == pytest.approx(record.metric("mrr").value, abs=1e-12)
    assert len(set(values.ids)) == len(values.ids) == record.metric("mrr").n


def test_formats_hold_the_same_numbers_and_escape_names(store):
    made = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["hit@5"])
    read = json.loads(render_comparison(made, "json"))
    assert read[0]["differences"][0]["difference"] == made[0].differences[0].difference
    text = f"{100 * made[0].differences[0].difference:+.1f}"
    for format_ in ("markdown", "html", "latex"):
        assert text in render_comparison(made, format_)
    assert r"hit@5 $\uparrow$" in render_comparison(made, "latex")
    from dataclasses import replace

    hostile = replace(made[0], candidate="<script>alert(1)</script> 50% & more_")
    page = render_comparison([hostile], "html")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert r"50\% \& more\_" in render_comparison([hostile], "latex")
    assert "<script" not in render_comparison([hostile], "markdown")


def test_the_command_prints_writes_and_fails_in_words(store, tmp_path, capsys):
    words = ["compare", "control/random", "baseline/colour-histogram", "--store", str(store)]
    assert main([*words, "--metric", "hit@5"]) == 0
    out = capsys.readouterr().out
    assert "baseline/colour-histogram against control/random" in out
    assert "fluent" not in out.split("Differences are")[0]
    assert main([*words, "--output", str(tmp_path / "c.html")]) == 0
    assert (tmp_path / "c.html").read_text().startswith("<!doctype html>")
    assert main([*words, "--task", "wardrobe/text*"]) == 2
    assert (
        "unknown task 'wardrobe/text*' of these systems: did you mean wardrobe/image-to-image"
        in capsys.readouterr().err
    )


def test_records_of_two_systems_do_not_pass_as_two_seeds(store):
    records = fashionbench.load_records(store)
    one = [r for r in records if r.backend.id == "control/random"]
    with pytest.raises(ConfigError, match=f"several records of {TASK} with seed 0"):
        fashionbench.compare(one, records, store=store)


def test_one_seed_and_three_of_a_system_that_draws_nothing_are_equal(tmp_path):
    one, three = tmp_path / "one", tmp_path / "three"
    for folder, seeds in ((one, [0]), (three, [0, 1, 2])):
        run(folder, "baseline/colour-histogram", seeds=seeds)
    (made,) = compare_stored(str(one), str(three), metrics=["mrr", "map@10"])
    for found in made.differences:
        assert (found.difference, found.wins, found.losses) == (0.0, 0, 0)
        assert found.p_value in {None, 1.0}
        assert found.interval is None or found.interval[0] <= 0 <= found.interval[1]
    assert made.flips == ()


def test_medians_are_those_of_the_records(store):
    (made,) = compare_stored("control/random", "baseline/colour-histogram", store=store, metrics=["median-rank"])
    (whole,) = [one for one in made.differences if one.slice == "all"]
    values = [
        next(r for r in fashionbench.load_records(store) if r.backend.id == name).metric("median-rank").value
        for name in ("control/random", "baseline/colour-histogram")
    ]
    assert (whole.baseline, whole.candidate) == pytest.approx(values)

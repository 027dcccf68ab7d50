"""Which records a board shows: what is newer, limited, failed or imported."""

from __future__ import annotations

import pytest

from fashionbench import Board, api
from fashionbench.records.schema import ErrorPart

FULL = {"tasks": "toy/squares", "backends": ["toy/colour"]}


@pytest.fixture
def record(plugins, store):
    return api.run(FULL, plugins=plugins, store=store)[0]


@pytest.fixture
def rows(plugins):
    """The rows of the main table of some records."""
    return lambda *records: Board.build(plugins.boards["toy"], records, plugins).tables[0].rows


def later(record, ended="2099-01-01T00:00:00+00:00", *, value=None, without=(), seed=None, **changes):
    """The same record as another cell would give it, with other values, without some metrics."""
    metrics = [m for m in record.metrics if m.id not in without]
    if value is not None:
        metrics = [m.model_copy(update={"value": value}) for m in metrics]
    decoding = record.decoding if seed is None else record.decoding.model_copy(update={"seed": seed})
    fixed = {
        "metrics": tuple(metrics),
        "cell": f"sha256:{ended}{seed}",
        "record_id": "",
        "decoding": decoding,
        "provenance": record.provenance.model_copy(update={"ended": ended}),
    }
    return record.model_copy(update=fixed | changes).sealed()


def failed(record, ended="2099-01-01T00:00:00+00:00", **changes):
    error = ErrorPart(type="MemoryError", message="out of memory")
    return later(record, ended, metrics=(), status="error", error=error, dataset=None, predictions=None, **changes)


def limited(record, count, value):
    decoding = record.decoding.model_copy(update={"limit": count})
    return later(record, value=value, status="partial", decoding=decoding)


def test_an_older_record_of_a_seed_never_joins_a_newer_one(record, rows):
    # The older one lacked a metric, so that the two were measured by different sets of implementations.
    newer = later(record, value=0.25)
    for older in (later(record, "2000-01-01", value=0.75, without=("mrr",)), later(record, "2000-01-01", value=0.75)):
        (row,) = rows(older, newer)
        assert [(v.value, v.seeds, v.records) for v in row.values] == [(0.25, 1, (newer.record_id,))] * len(row.values)


def test_an_older_record_lends_a_newer_one_no_metric(plugins, record, rows):
    lacking = plugins.boards["toy"].columns[1].metric
    older, newer = later(record, "2000-01-01", value=0.75), later(record, value=0.25, without=(lacking,))
    (row,) = rows(older, newer)
    assert (row.values[0].value, row.values[1].value) == (0.25, None)


def test_an_older_value_of_another_implementation_has_a_table_of_its_own(plugins, record):
    spec = plugins.boards["toy"]
    changed = spec.columns[0].metric
    old = [m.model_copy(update={"implementation": "old/1"}) if m.id == changed else m for m in record.metrics]
    older = later(record, "2000-01-01", metrics=tuple(old))
    main, other = Board.build(spec, [older, later(record)], plugins).tables
    assert [value.seeds for value in main.rows[0].values] == [1] * len(spec.columns)
    assert [value.records for value in other.rows[0].values] == [(older.record_id,), *[()] * (len(spec.columns) - 1)]


def test_a_limited_run_neither_replaces_nor_joins_a_full_one(record, rows):
    full, *others = rows(record, limited(record, 2, 0.5), limited(record, 3, 0.6))
    assert (full.label, full.values[0].value, full.values[0].seeds, full.marks.count("partial")) == (
        "toy/colour",
        1.0,
        1,
        0,
    )
    assert [(row.label, row.values[0].value, "partial" in row.marks) for row in others] == [
        ("toy/colour (limit=3)", 0.6, True),
        ("toy/colour (limit=2)", 0.5, True),
    ]


def test_a_limited_run_takes_no_place_before_a_full_one(record, rows):
    worse = later(record, value=0.1)
    assert [row.label for row in rows(worse, limited(record, 2, 0.9))] == ["toy/colour", "toy/colour (limit=2)"]


def test_a_failure_of_a_limited_run_says_nothing_of_the_full_one(record, rows):
    limit = record.decoding.model_copy(update={"limit": 2})
    full, other = rows(record, failed(record, decoding=limit))
    assert (full.marks.count("newer-run-failed"), full.values[0].note) == (0, "")
    assert other.values[0].reason == "error: out of memory"


def test_a_failed_seed_is_named(record, rows):
    (row,) = rows(later(record, seed=0), failed(record, seed=1), later(record, seed=2))
    assert (row.values[0].seeds, row.values[0].note) == (2, "seed 1 failed: out of memory")
    assert "failed-seed" in row.marks
    assert "newer-run-failed" not in row.marks


def test_a_newer_failure_marks_the_older_value(record, rows):
    (row,) = rows(record, failed(record))
    assert (row.values[0].value, row.values[0].note) == (1.0, "a newer run of seed 0 failed: out of memory")
    assert "newer-run-failed" in row.marks


def test_a_failure_before_a_value_is_forgotten(record, rows):
    (row,) = rows(failed(record, "2000-01-01"), record)
    assert (row.values[0].note, {"failed-seed", "newer-run-failed"} & set(row.marks)) == ("", set())


def test_a_failed_import_of_an_older_store_leaves_no_row(record, rows):
    assert rows(failed(record, attestation="imported")) == ()


def test_a_note_is_on_the_page_of_every_format(plugins, record):
    from fashionbench.specs import resolve

    board = Board.build(plugins.boards["toy"], [record, failed(record)], plugins)
    for name in ("markdown", "html", "csv", "json"):
        assert "a newer run of seed 0 failed: out of memory" in resolve(plugins.reporters[name].target)(board), name

"""What a run takes from its store, and that its board shows the same."""

from __future__ import annotations

import pytest
import toy_plugin

from fashionbench import Board, api

RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}


@pytest.fixture
def run(plugins, store):
    return lambda **more: api.run(RUN, plugins=plugins, store=store, **more)[0]


@pytest.fixture
def board(plugins, store):
    """The only row of the board of the store."""
    return lambda: Board.of(plugins.boards["toy"], store, plugins).tables[0].rows


def fails(self):
    raise MemoryError("out of memory")


def with_value(record, value, **changes):
    metrics = tuple(part.model_copy(update={"value": value, "interval": None}) for part in record.metrics)
    return record.model_copy(update={"metrics": metrics, "supersedes": None, **changes})


def test_a_rerun_that_fails_takes_no_number_off_the_board(run, board, store, monkeypatch):
    good = run()
    monkeypatch.setattr(toy_plugin.Colour, "fingerprint", fails)
    bad = run(rerun=True)
    assert (bad.status, bad.cell, bad.supersedes) == ("error", good.cell, None)
    (row,) = board()
    assert [value.records for value in row.values] == [(good.record_id,)] * len(row.values)
    assert "newer-run-failed" in row.marks
    assert run() == good
    # A second failure stands for the first, and the result stays.
    worse = run(rerun=True)
    assert worse.supersedes == bad.record_id
    assert {record.record_id for record in store.scan().current()} == {good.record_id, worse.record_id}
    monkeypatch.undo()
    better = run(rerun=True)
    assert better.supersedes == good.record_id
    assert store.scan().current() == [better]
    assert "newer-run-failed" not in board()[0].marks


def test_a_failure_that_claims_to_supersede_a_result_does_not(run, store, monkeypatch):
    good = run()
    monkeypatch.setattr(toy_plugin.Colour, "fingerprint", fails)
    bad = run(rerun=True)
    store.add(bad.model_copy(update={"supersedes": good.record_id}))  # as earlier versions wrote it
    assert good in store.scan().current()
    assert store.find(good.cell, good.task.id, good.backend.id) == good


def test_a_record_supersedes_none_of_another_cell(run, store):
    good = run()
    store.add(with_value(good, 0.5, supersedes=good.record_id, cell="sha256:other"))
    assert good in store.scan().current()


def test_what_is_reused_is_what_the_board_shows(run, board, store):
    mine = run()
    other = store.add(with_value(mine, 0.5, cell="sha256:of other code"))
    assert {value.records for value in board()[0].values} == {(other.record_id,)}
    reused = run()
    assert reused.metrics == mine.metrics
    assert reused.provenance == mine.provenance
    assert reused.supersedes == mine.record_id
    assert {value.records for value in board()[0].values} == {(reused.record_id,)}
    # It stands there now: nothing is written a second time.
    assert run() == reused
    assert len(store.scan().records) == 3


def test_a_limited_run_leaves_the_whole_one_in_its_place(run, board, plugins, store):
    whole = run()
    limited = api.run(RUN | {"limit": 2}, plugins=plugins, store=store)[0]
    assert limited.status == "partial"
    assert [row.values[0].records for row in board()] == [(whole.record_id,), (limited.record_id,)]
    assert run() == whole
    assert len(store.scan().records) == 2

"""Which record is newer: the chain says, and clocks where there is none."""

from __future__ import annotations

import itertools

import pytest

from fashionbench import api
from fashionbench.records.chain import ChainPart
from fashionbench.records.order import best, in_order
from fashionbench.records.store import Store


@pytest.fixture(scope="module")
def record(entry_points_with_toy, tmp_path_factory):
    from fashionbench.plugins.manager import Plugins

    store = Store(tmp_path_factory.mktemp("order"))
    plugins = Plugins(strict=True, points=entry_points_with_toy)
    return api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"]}, store=store, plugins=plugins)[0]


@pytest.fixture
def made(record):
    """Make a record of a time, in a chain at a position; without a chain where no position is given."""

    def make(ended, position=None, first="sha256:a", **changes):
        chain = None if position is None else ChainPart(first=first, before=(first,), position=position)
        provenance = record.provenance.model_copy(update={"ended": f"{ended}-01-01T00:00:00+00:00"})
        return record.model_copy(update={"provenance": provenance, "chain": chain, **changes}).sealed()

    return make


def ordered(records):
    """The order, which must be one whatever the order of the records."""
    found = {tuple(r.record_id for r in in_order(some)) for some in itertools.permutations(records)}
    assert len(found) == 1
    return list(found.pop())


def ids(*records):
    return [record.record_id for record in records]


def test_in_a_chain_no_clock_counts(made):
    ahead, after, last = made(2027, 1), made(2026, 2), made(2020, 3)
    assert ordered([last, ahead, after]) == ids(ahead, after, last)


def test_chains_of_several_stores_are_compared_by_time(made):
    # A long chain is not newer than a short one. A record of 2099 that others follow is no later than they are.
    mine = [made(2099, 8), made(2025, 9)]
    theirs = [made(2024, 1, "sha256:b"), made(2026, 2, "sha256:b")]
    assert ordered([*mine, *theirs]) == ids(theirs[0], *mine, theirs[1])


def test_records_without_a_chain_come_first_and_by_time(made):
    assert ordered([new := made(2020, 1), old := made(2099), older := made(2030)]) == ids(older, old, new)


def test_branches_of_concurrent_writers_have_one_order(made):
    one, two = made(2025, 2), made(2026, 2)
    assert ordered([made(2024, 1), two, one, made(2027, 3)])[1:3] == ids(one, two)


def test_the_best_is_whole_before_limited_before_failed(made, record):
    limited = record.decoding.model_copy(update={"limit": 2})
    whole, part = made(2020, 1), made(2021, 2, status="partial", decoding=limited)
    error = {"status": "error", "error": {"type": "X", "message": "x"}, "metrics": (), "predictions": None}
    failed = type(record).model_validate(made(2022, 3).model_dump() | error)
    assert best([part, failed, whole]) == whole
    assert best([failed, part]) == part
    assert best([failed]) == failed
    assert best([]) is None


def test_a_clock_that_ran_ahead_hides_nothing_that_follows(store, plugins, monkeypatch):
    from fashionbench.records import provenance

    run = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}
    with monkeypatch.context() as ahead:
        ahead.setattr(provenance, "now", lambda: "2028-01-01T00:00:00.000000+00:00")
        wrong = api.run(run, store=store, plugins=plugins)[0]
    right = api.run(run, store=store, plugins=plugins, rerun=True)[0]
    other = store.add(right.model_copy(update={"cell": "sha256:other code", "supersedes": None}))
    assert wrong.provenance.ended > other.provenance.ended
    assert store.scan().records == [wrong, right, other]

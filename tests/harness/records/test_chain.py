"""Each record and mark names those before it, so that one that was deleted is missed."""

from __future__ import annotations

import json
import threading

import pytest

from fashionbench import api
from fashionbench.records.chain import FILE
from fashionbench.records.store import Store


@pytest.fixture
def record(plugins, store):
    return api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"]}, store=store, plugins=plugins)[0]


def again(store, record, value=0.5, **changes):
    metrics = tuple(part.model_copy(update={"value": value, "interval": None}) for part in record.metrics)
    return store.add(record.model_copy(update={"metrics": metrics, "cell": f"sha256:{value}", **changes}))


def test_an_entry_names_the_one_before_it(store, record):
    assert (record.chain.first, record.chain.before, record.chain.position) == ("", (), 1)
    second = again(store, record)
    assert (second.chain.first, second.chain.before, second.chain.position) == (
        record.record_id,
        (record.record_id,),
        2,
    )
    store.invalidate(second, "a reason")
    (mark,) = store.scan().read_marks.values()
    assert (mark.chain.before, mark.cell) == ((second.record_id,), second.cell)
    third = again(Store(store.root), record, 0.25)  # another process
    assert third.chain.before == (mark.mark_id,)
    listed = [json.loads(line)["id"] for line in (store.root / FILE).read_text().splitlines()]
    assert listed == [record.record_id, second.record_id, mark.mark_id, third.record_id]


def test_writers_side_by_side_make_branches_which_the_next_entry_joins(store, record):
    one, two = Store(store.root), Store(store.root)
    places = one.chain.next(), two.chain.next()
    assert places[0] == places[1]
    written = [again(writer, record, value) for writer, value in ((one, 0.1), (two, 0.2))]
    # Both have read the list again by then; two that had not:
    branch = record.model_copy(update={"chain": places[0], "cell": "sha256:branch"}).sealed()
    path = store.path_of(branch)
    path.write_text(json.dumps(branch.model_dump(mode="json")))
    store.chain.append(branch.record_id, places[0])
    joined = again(store, record, 0.3)
    assert set(joined.chain.before) == {branch.record_id, written[1].record_id}
    assert joined.chain.position == written[1].chain.position + 1


def test_threads_that_write_at_once_lose_no_entry(store, record):
    writers = [threading.Thread(target=again, args=(Store(store.root), record, 0.01 * n)) for n in range(1, 9)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    listed, wrong = store.chain.listed()
    assert wrong == {}
    assert listed.keys() == {r.record_id for r in store.scan().records}
    assert len(listed) == 9


def test_an_entry_that_was_not_listed_is_found_by_its_file(store, record):
    second = again(store, record)
    lines = (store.root / FILE).read_bytes().splitlines(keepends=True)
    (store.root / FILE).write_bytes(lines[0])  # killed between the two writes
    third = again(Store(store.root), record, 0.25)
    assert third.chain.before == (second.record_id,)
    assert set(store.chain.listed()[0]) == {record.record_id, second.record_id, third.record_id}


@pytest.mark.parametrize("damage", [b"\xff\xfe half a li", b"{", b'{"id": 5}\n', b"[" * 5000 + b"\n", b"\n\n"])
def test_a_damaged_line_costs_no_entry(store, record, damage):
    with (store.root / FILE).open("ab") as file:
        file.write(damage)
    second = again(Store(store.root), record)
    assert second.chain.before == (record.record_id,)
    listed, wrong = store.chain.listed()
    assert set(listed) == {record.record_id, second.record_id}
    assert list(wrong) == ([2] if damage.strip() else [])


def test_a_list_that_is_gone_is_made_again(store, record):
    second = again(store, record)
    (store.root / FILE).unlink()
    assert again(Store(store.root), record, 0.25).chain.before == (second.record_id,)
    assert len(store.chain.listed()[0]) == 3


def test_a_list_that_cannot_be_written_whole_holds_no_half_line(store, record, monkeypatch):
    from fashionbench.records import chain

    before = (store.root / FILE).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chain.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.chain.append("sha256:x", store.chain.next())
    monkeypatch.undo()
    assert (store.root / FILE).read_bytes() == before


def test_a_run_that_was_killed_before_the_list_was_begun_lost_nothing(store, record, plugins):
    (store.root / FILE).unlink()
    assert api.verify_records(store, plugins=plugins).faults == []
    assert again(Store(store.root), record).chain.before == (record.record_id,)

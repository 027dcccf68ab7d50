"""Stores are brought together: nothing is lost, nothing is overwritten, and what differs is named."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from stored_rows import row
from timeless_records import timeless_store

from fashionbench import api
from fashionbench.api.merging import merge_records
from fashionbench.cli.main import main
from fashionbench.errors import StoreError
from fashionbench.files import write_bytes
from fashionbench.predictions.images import SCHEMA, images_table
from fashionbench.records import merging
from fashionbench.records.chain import FILE
from fashionbench.records.store import Store


def run(plugins, store, *backends, **more):
    return api.run({"tasks": ["toy/squares"], "backends": list(backends), **more}, store=store, plugins=plugins)


def contents(store):
    """Return the bytes of a store's files by path, without locks and what can be made again."""
    paths = [path for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"]
    names = {path.relative_to(store.root): path.read_bytes() for path in paths}
    return {name.as_posix(): content for name, content in names.items() if name.parts[0] != "cache"}


@pytest.fixture
def stores(plugins, tmp_path):
    """Two stores: one with a record that was invalidated, one with a failure."""
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    _, second = run(plugins, one, "toy/colour", "control/random")
    one.invalidate(second, "a reason")
    run(plugins, two, "toy/raises", "control/constant")
    return one, two


def test_records_marks_and_chains_are_kept_as_they_are(plugins, stores, tmp_path):
    into = Store(tmp_path / "into")
    made = merge_records(stores, into, plugins=plugins)
    assert (made.ok, made.merged.added, made.merged.known) == (True, 4, 0)
    whole = contents(into)
    for store in stores:
        kept = contents(store)
        kept.pop(FILE)
        assert kept.items() <= whole.items()
    scan = into.scan()
    assert {r.record_id for r in scan.records} == {r.record_id for s in stores for r in s.scan().records}
    assert list(scan.marks.values()) == ["a reason"]
    assert api.verify_records(into, plugins=plugins).faults == []
    # The next entry joins the branches.
    (joined,) = run(plugins, Store(into.root), "toy/colour", seeds=[5])
    assert len(joined.chain.before) == 2
    assert api.verify_records(Store(into.root), plugins=plugins).faults == []


def test_a_second_merge_adds_nothing_and_a_third_what_is_new(plugins, stores, tmp_path):
    into = Store(tmp_path / "into")
    merge_records(stores, into, plugins=plugins)
    before = contents(into)
    again = merge_records(stores, into, plugins=plugins)
    assert (again.merged.added, again.merged.known, contents(into)) == (0, 4, before)
    run(plugins, stores[1], "toy/colour", seeds=[3])
    more = merge_records(stores, into, plugins=plugins)
    assert (more.merged.added, api.verify_records(into, plugins=plugins).faults) == (1, [])


def test_a_store_that_went_on_from_a_copy_shares_its_beginning(plugins, stores, tmp_path):
    copy = Store(tmp_path / "copy")
    shutil.copytree(stores[0].root, copy.root)
    run(plugins, copy, "toy/colour", seeds=[1])
    run(plugins, stores[0], "toy/colour", seeds=[2])
    made = merge_records([stores[0], copy], tmp_path / "into", plugins=plugins)
    assert made.merged.added == 4
    assert api.verify_records(tmp_path / "into", plugins=plugins).faults == []


def other_value(store, record, value=0.25):
    """Write a record of the same cell that says another value, as another machine would measure it."""
    metrics = tuple(part.model_copy(update={"value": value, "interval": None}) for part in record.metrics)
    return store.add(record.model_copy(update={"metrics": metrics, "chain": None, "supersedes": None}))


def test_two_results_of_one_cell_are_named_with_both_hashes_and_nothing_is_written(plugins, stores, tmp_path, capsys):
    one, two = stores
    record = next(r for r in one.scan().records if r.backend.id == "toy/colour")
    rival = other_value(two, record)
    made = merge_records(stores, tmp_path / "into", metrics=False, plugins=plugins)
    # Its predictions lie in the other store: the copy of the record has none.
    assert not made.ok
    shutil.copytree(one.root / "predictions", two.root / "predictions", dirs_exist_ok=True)
    made = merge_records(stores, tmp_path / "into", metrics=False, plugins=plugins)
    (conflict,) = made.merged.conflicts
    assert "toy/squares × toy/colour has two results" in str(conflict)
    assert {said for _, said in conflict.sides} == {r.record_id[7:27] for r in (record, rival)}
    assert contents(Store(tmp_path / "into")) == {}
    # One side is taken back; the other one counts.
    two.invalidate(rival, "another processor")
    assert merge_records(stores, tmp_path / "into", metrics=False, plugins=plugins).ok
    assert record.record_id in {r.record_id for r in Store(tmp_path / "into").scan().current()}


def test_one_result_that_was_measured_twice_is_no_conflict(plugins, stores, tmp_path):
    run(plugins, stores[1], "toy/colour")
    made = merge_records(stores, tmp_path / "into", plugins=plugins)
    assert (made.ok, made.merged.added) == (True, 5)


def test_the_store_that_is_written_to_is_compared_too(plugins, stores, tmp_path):
    into = Store(tmp_path / "into")
    (record,) = run(plugins, into, "toy/colour")
    into.invalidate(record, "not this one")
    other_value(into, record)
    before = contents(into)
    made = merge_records(stores, into, metrics=False, plugins=plugins)
    assert [len(one.sides) for one in made.merged.conflicts] == [2]
    assert contents(into) == before


@pytest.mark.parametrize("where", ["records", "predictions", FILE])
def test_a_damaged_store_is_named_and_nothing_is_written(plugins, stores, tmp_path, where, capsys):
    path = stores[1].root / where
    path = path if path.is_file() else next(p for p in sorted(path.rglob("*")) if p.is_file())
    path.write_bytes(path.read_bytes()[:-20])
    words = ["records", "merge", *(str(store.root) for store in stores), "--into", str(tmp_path / "into"), "--quick"]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert path.name in said
    assert "nothing was written" in said
    assert contents(Store(tmp_path / "into")) == {}


def test_a_record_that_was_deleted_is_missed(plugins, stores, tmp_path):
    next((stores[1].root / "records").rglob("*.json")).unlink()
    made = merge_records(stores, tmp_path / "into", plugins=plugins)
    assert any("is gone" in fault.message for fault in made.faults)


def test_a_merge_that_is_killed_at_any_file_leaves_a_sound_store_and_goes_on(plugins, stores, tmp_path, monkeypatch):
    merge_records(stores, tmp_path / "whole", plugins=plugins)
    whole = contents(Store(tmp_path / "whole"))
    steps = sum(name != FILE for name in whole)
    assert steps > 7
    for killed_at in range(steps):
        into, left = Store(tmp_path / f"killed at {killed_at}"), [killed_at]

        def write(path, content, left=left):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            write_bytes(path, content)

        monkeypatch.setattr(merging.files, "write_bytes", write)
        with pytest.raises(KeyboardInterrupt):
            merging.merge(stores, into)
        monkeypatch.undo()
        assert api.verify_records(into, metrics=False, plugins=plugins).faults == []
        merging.merge(stores, Store(into.root))
        assert contents(into) == whole


def test_images_are_copied_and_a_store_that_lost_its_own_is_not_merged_with_one_that_has_them(stores):
    pixels = np.zeros((4, 3, 3), np.uint8)
    for store, shade in zip(stores, (10, 20), strict=True):
        record = next(r for r in store.scan().current() if r.predictions)
        part = store.write_predictions(images_table([row(store, "person", pixels + shade)]), SCHEMA)
        store.add(record.model_copy(update={"predictions": part, "chain": None, "cell": f"sha256:{shade}"}))
    into = Store(stores[0].root.parent / "into")
    assert merging.merge(stores, into).conflicts == ()
    assert len(list((into.root / "images").rglob("*.png"))) == 2
    shutil.rmtree(stores[1].root / "images")
    (conflict,) = merging.merge(stores, Store(into.root.parent / "other")).conflicts
    assert str(conflict).startswith("generated images: kept")


def test_a_store_is_not_merged_into_itself(plugins, stores, tmp_path):
    with pytest.raises(StoreError, match="into itself"):
        merge_records(stores, stores[0], plugins=plugins)
    with pytest.raises(StoreError, match="no store"):
        merge_records([tmp_path / "none"], tmp_path / "into", plugins=plugins)


def test_shards_that_were_divided_otherwise_are_said(plugins, tmp_path):
    config = {"tasks": ["toy/squares"], "backends": ["toy/colour", "control/*"], "device": "cpu"}
    for number in (1, 2):
        api.run(config, plugins=plugins, store=tmp_path / str(number), shard=(number, 2))
    kept = next((tmp_path / "2" / "shards").glob("*.json"))
    fields = json.loads(kept.read_text())
    fields["costs"][0]["seconds"] = 1000
    kept.write_text(json.dumps(fields))
    made = merge_records([tmp_path / "1", tmp_path / "2"], tmp_path / "into", metrics=False, plugins=plugins)
    assert made.ok
    assert ["cells may be missing" in note for note in made.notes] == [True]


def test_the_command_says_what_it_did(plugins, stores, tmp_path, capsys):
    words = ["records", "merge", *(str(store.root) for store in stores), "--into", str(tmp_path / "into"), "--quick"]
    assert main(words) == 0
    assert "4 new records, 0 known" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known"] == 4
    assert timeless_store(Store(tmp_path / "into")).keys() > timeless_store(stores[1]).keys()

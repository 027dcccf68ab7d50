"""``records verify``: what was altered, moved, forged or deleted is named with its file."""

from __future__ import annotations

import json
import shutil

import pytest
from stored_rows import row

from fashionbench import api
from fashionbench.canonical import digest
from fashionbench.predictions.images import images_table
from fashionbench.records.chain import FILE
from fashionbench.records.schema import content_id
from fashionbench.records.store import Store
from fashionbench.runner.verification import recompute

RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}
AHEAD = "2999-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def two_records(entry_points_with_toy, tmp_path_factory):
    """A store of two records, a mark and a third record, to be copied."""
    from fashionbench.plugins.manager import Plugins

    plugins = Plugins(strict=True, points=entry_points_with_toy)
    store = Store(tmp_path_factory.mktemp("verify"))
    for seed in (0, 1, 2):
        record = api.run(RUN | {"seeds": [seed]}, store=store, plugins=plugins)[0]
        if seed == 1:
            store.invalidate(record, "the seed was wrong")
    return store


@pytest.fixture
def store(two_records, tmp_path):
    shutil.copytree(two_records.root, tmp_path / "results")
    return Store(tmp_path / "results")


@pytest.fixture
def found(store, plugins):
    """What is wrong, by the file."""

    def find(**more):
        checked = api.verify_records(Store(store.root), plugins=plugins, **more)
        assert checked.ok == (not checked.faults)
        said = {}
        for fault in checked.faults:
            said[fault.path] = f"{said.get(fault.path, '')}{fault.message}; "
        return said

    return find


def written(store, fields, path=None):
    """Write fields as a record under its right id and name, as a forger would."""
    fields["record_id"] = content_id(fields)
    path = path or store.root / "records" / "toy__squares" / "toy__colour" / f"{fields['record_id'][7:27]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields))
    return path


@pytest.fixture
def forged(store):
    """Put another record in the place of the last one."""

    def forge(**changes):
        last = store.scan().records[-1]
        store.path_of(last).unlink()
        return written(store, last.model_dump(mode="json") | changes)

    return forge


def test_a_whole_store_is_whole(store, found, plugins):
    assert found() == {}
    checked = api.verify_records(store, plugins=plugins)
    assert checked.notes == []
    assert sum(one.equal for one in checked.recomputed) == sum(len(record.metrics) for record in checked.records)


def test_values_are_computed_again_from_the_predictions(store, found, forged):
    metrics = [part.model_dump(mode="json") for part in store.scan().records[-1].metrics]
    path = forged(metrics=[metrics[0] | {"value": 0.875}, *metrics[1:]])
    assert "not from its predictions: hit@1 [all]: value recorded 0.875, computed 1.0" in found()[path]
    assert path not in found(metrics=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": "score"}, "unit recorded 'score', is 'fraction'"),
        ({"higher_is_better": False}, "direction recorded 'lower is better'"),
        ({"interval": [0.9, 0.95]}, "lower limit recorded 0.9"),
        ({"n": 800}, "n recorded 800, computed 8"),
        ({"standard_error": 0.4}, "standard error recorded 0.4"),
        ({"id": "hit@50"}, ""),  # a value that is right, under a name that the task does not have
    ],
)
def test_what_stands_beside_a_value_is_compared_too(store, found, forged, changes, said):
    metrics = [part.model_dump(mode="json") for part in store.scan().records[-1].metrics]
    path = forged(metrics=[metrics[0] | changes, *metrics[1:]])
    assert said in found().get(path, "")


def test_predictions_that_give_no_value_are_no_excuse(store, found, forged):
    import pyarrow as pa

    part = store.write_predictions(pa.table({"anything": [1]}), "ranking/1")
    path = forged(predictions=part.model_dump(mode="json"))
    assert "not from its predictions: hit@1: " in found()[path]
    path.unlink()
    bare = written(store, store.scan().records[0].model_dump(mode="json") | {"predictions": None})
    assert "has values and no predictions" in found()[bare]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 7.5, "interval": [9.0, -3.0]}, "its value 7.5 is no fraction"),
        ({"value": -0.1}, "its value -0.1 is no fraction"),
        ({"interval": [0.9, 0.2]}, "its interval [0.9, 0.2] ends before it begins"),
        ({"interval": [0.9, 1.2]}, "its upper limit 1.2 is no fraction"),
        ({"standard_error": -1.0}, "its standard error -1.0 is negative"),
        ({"n": -8}, "its n is -8"),
        ({"biased_below": -1}, "its biased_below is -1"),
        ({"unit": "rank", "value": -2.0}, "its value -2.0 is no rank"),
    ],
)
def test_numbers_that_cannot_be_keep_a_record_out(store, found, forged, plugins, changes, said):
    metrics = [part.model_dump(mode="json") for part in store.scan().records[-1].metrics]
    path = forged(metrics=[metrics[0] | changes, *metrics[1:]])
    assert said in found()[path]
    assert path not in store.scan().places.values()


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("dataset", {"sizes": {"queries": -8}}, "dataset.sizes.queries is -8"),
        ("dataset", {"images": -3}, "dataset.images is -3"),
        ("dataset", {"image_forms": {"PNG": -4}}, "dataset.forms.PNG is -4"),
        ("predictions", {"depth": {"fold": -1}}, "predictions.depth.fold is -1"),
        ("predictions", {"rows": 9999}, " says 9999"),
    ],
)
def test_counts_that_cannot_be_are_faults(store, found, forged, part, changes, said):
    fields = getattr(store.scan().records[-1], part).model_dump(mode="json")
    forged(**{part: fields | changes})
    assert any(said in message for message in found().values())


def test_a_record_that_ended_before_it_began_is_said(store, found, forged):
    provenance = store.scan().records[-1].provenance.model_dump(mode="json")
    path = forged(provenance=provenance | {"ended": "2020-01-01T00:00:00+00:00"})
    assert "it ended at 2020-01-01T00:00:00+00:00, before it started at" in found()[path]


def test_intervals_of_another_method_are_said_not_to_be_computed_again(store, forged, plugins):
    metrics = [part.model_dump(mode="json") for part in store.scan().records[-1].metrics]
    forged(metrics=[metrics[0] | {"interval_method": "magic", "interval": [0.0, 1.0]}, *metrics[1:]])
    made = [recompute(record, store, plugins) for record in store.scan().records]
    assert any(f"{metrics[0]['id']}: its intervals are of magic" in line for one in made for line in one.left_out)


@pytest.mark.parametrize(("time", "said"), [(AHEAD, "lies in the future"), ("tomorrow", "which is no time")])
def test_times_to_come_are_faults(store, found, forged, time, said):
    provenance = store.scan().records[-1].provenance.model_dump(mode="json")
    path = forged(provenance=provenance | {"ended": time})
    assert f"ended {'lies' if time == AHEAD else 'is'}" in found()[path]
    assert said in found()[path]


def test_a_record_under_another_name_or_in_another_folder_is_said(store, found):
    record = store.scan().records[0]
    path = store.path_of(record)
    named, moved = path.with_name("mine.json"), store.root / "records" / "toy__squares" / "toy__best" / path.name
    path.rename(named)
    assert f"rename it to {path.name}" in found()[named]
    moved.parent.mkdir()
    named.rename(moved)
    assert f"toy/colour lies in another one's folder; move it to {path}" in found()[moved]
    shutil.copy(moved, path)
    # Of two files of one record one is counted.
    assert list(found().values()) == ["holds a record that another file holds too; delete it; "]
    assert len(store.scan().records) == 3


def test_a_record_supersedes_none_of_another_cell(store, found, forged):
    first = store.scan().records[0]
    path = forged(supersedes=first.record_id)
    assert f"claims to supersede {first.record_id[7:19]}, and does not: it is of another cell" in found()[path]
    assert first in Store(store.root).scan().current()


def mark_of(store):
    (path,) = (store.root / "marks").iterdir()
    return path, json.loads(path.read_text())


def test_an_altered_mark_is_a_fault_and_the_record_stays_out(store, found):
    path, fields = mark_of(store)
    for changed in (fields | {"reason": "it was fine"}, fields | {"record_id": store.scan().records[0].record_id}):
        path.write_text(json.dumps(changed))
        assert "altered or damaged" in found()[path]
        assert "invalidate the record again" in found()[path]
        scan = Store(store.root).scan()
        assert [record.decoding.seed for record in scan.current()] == [0, 2]


def remarked(path, fields, **changes):
    fields = {name: value for name, value in (fields | changes).items() if name != "mark_id"}
    fields["mark_id"] = digest(fields)
    path.unlink()
    path = path.with_name(f"{fields['record_id'][7:27]}-{fields['mark_id'][7:19]}.json")
    path.write_text(json.dumps(fields))
    return path


def test_a_mark_of_another_cell_of_no_record_or_of_the_future_is_said(store, found):
    path, fields = mark_of(store)
    path = remarked(path, fields, cell="sha256:other")
    assert "of another cell than its record" in found()[path]
    path = remarked(path, fields, record_id="sha256:" + "0" * 64)
    assert "it marks the record 000000000000, which is not here" in found()[path]
    path = remarked(path, fields, time=AHEAD)
    assert "lies in the future" in found()[path]


def test_a_mark_of_before_there_were_chains_is_read_and_guarded_by_its_name(store, found, plugins):
    path, fields = mark_of(store)
    path.unlink()
    fields = {name: fields[name] for name in ("record_id", "kind", "reason", "time")}
    old = path.with_name(f"{fields['record_id'][7:27]}-{digest(fields)[7:19]}.json")
    old.write_text(json.dumps(fields))
    assert Store(store.root).scan().marks == {fields["record_id"]: "the seed was wrong"}
    assert old not in found()
    assert any("unchained: 1 mark" in note for note in api.verify_records(store, plugins=plugins).notes)
    old.write_text(json.dumps(fields | {"reason": "another"}))
    assert "altered or damaged" in found()[old]


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_an_entry_that_was_deleted_is_missed_wherever_it_stood(store, found, at):
    scan = store.scan()
    (mark,) = scan.read_marks
    entries = [*map(store.path_of, scan.records[:2]), mark, store.path_of(scan.records[2])]
    name = [json.loads(line)["id"] for line in (store.root / FILE).read_text().splitlines()][at]
    entries[at].unlink()
    said = found()
    assert any(f"the entry {name[7:27]}, which is gone" in message for message in said.values())
    # Nor does it help to take it off the list, unless it was the last of all.
    lines = (store.root / FILE).read_text().splitlines(keepends=True)
    (store.root / FILE).write_text("".join(lines[:at] + lines[at + 1 :]))
    gone = [message for message in found().values() if "which is gone" in message]
    assert len(gone) == (at < 3)
    # A list that is gone is itself a fault.
    (store.root / FILE).unlink()
    assert "newest entries may be too" in found()[store.root / FILE]


def test_a_damaged_entry_is_not_said_to_be_deleted(store, found):
    first, _, _ = store.scan().records
    store.path_of(first).write_text("{")
    assert list(found()) == [store.path_of(first)]
    path, _ = mark_of(store)
    path.write_text("{")
    assert list(found()) == [store.path_of(first), path]


def test_a_place_that_does_not_follow_is_a_fault(store, found, forged):
    chain = store.scan().records[-1].chain.model_dump(mode="json")
    path = forged(chain=chain | {"position": 99})
    assert "its position in the chain is 99, and 4 follows" in found()[path]


def test_lines_of_the_list_that_are_damaged_are_named(store, found):
    lines = (store.root / FILE).read_text().splitlines(keepends=True)
    (store.root / FILE).write_text("".join([lines[0], "{oops\n", *lines[1:]]))
    assert "line 2 is damaged" in found()[store.root / FILE]
    moved = json.loads(lines[1])
    moved["chain"]["position"] = 7
    (store.root / FILE).write_text("".join([lines[0], json.dumps(moved) + "\n", *lines[2:]]))
    assert "says another place" in found()[store.root / FILE]


def test_records_without_a_chain_are_read_and_said_to_be_unchained(store, found, plugins):
    records = store.scan().records
    for record in records:
        store.path_of(record).unlink()
        fields = {name: value for name, value in record.model_dump(mode="json").items() if name != "chain"}
        written(store, fields)
    (store.root / FILE).unlink()
    shutil.rmtree(store.root / "marks")
    checked = api.verify_records(store, plugins=plugins)
    assert checked.faults == []
    assert [note.partition(":")[0] for note in checked.notes] == ["unchained"]
    assert "3 records" in checked.notes[0]
    assert len(checked.records) == 3


def test_files_that_no_record_names_are_said_and_are_no_fault(store, found, plugins):
    for name in ("predictions/ab.parquet", "values/cd.parquet", "images/ef/ef.png", "records/.x.json.tmp"):
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    checked = api.verify_records(store, plugins=plugins)
    assert checked.faults == []
    (note,) = checked.notes
    assert "4 files that no record names" in note
    assert "predictions/ab.parquet" in note


def test_generated_images_are_compared_with_their_hashes(store, found, forged, plugins):
    import numpy as np

    pixels = np.zeros((4, 4, 3), np.uint8)
    table = images_table([row(store, "a", pixels), row(store, "b", pixels + 9)])
    part = store.write_predictions(table, "images/2")
    forged(predictions=part.model_dump(mode="json"))
    pictures = [store.predictions.image_path(name) for name in table.column("image").to_pylist()]
    said = found(metrics=False)
    assert not said.keys() & set(pictures)
    pictures[0].write_bytes(pictures[0].read_bytes() + b"x")
    pictures[1].unlink()
    said = found(metrics=False)
    assert "a generated image: altered or damaged" in said[pictures[0]]
    assert "a generated image: No such file" in said[pictures[1]]
    # A copy of a store without any pictures says so.
    shutil.rmtree(store.root / "images")
    assert any("2 generated images" in note for note in api.verify_records(store, plugins=plugins).notes)


@pytest.mark.parametrize("place", [".", "trained", "outfits-styles-scenes", "studies"])
def test_the_published_records_are_whole(request, plugins, place):
    published = request.config.rootpath / "leaderboards" / "published" / place / "store"
    checked = api.verify_records(published, metrics=False, plugins=plugins)
    assert checked.faults == []
    assert len(checked.records) == len(list((published / "records").rglob("*.json")))

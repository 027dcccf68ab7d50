from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pydantic import ValidationError

from fashionbench import api
from fashionbench.errors import StoreError
from fashionbench.records import migrations
from fashionbench.records.schema import Record, content_id
from fashionbench.records.store import Store

if TYPE_CHECKING:
    from pathlib import Path

RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}


@pytest.fixture
def record(plugins, store) -> Record:
    return api.run(RUN, store=store, plugins=plugins)[0]


def file_of(store, record) -> Path:
    return next((store.root / "records").rglob(f"{record.record_id[7:27]}.json"))


def test_a_record_comes_back_as_it_was_written(store, record):
    assert store.scan().records == [record]
    assert store.scan().faults == []
    fields = json.loads(file_of(store, record).read_text())
    assert content_id(fields) == record.record_id == fields["record_id"]


def test_an_edited_record_is_a_fault_and_the_rest_is_read(store, record, plugins):
    other = api.run(RUN | {"seeds": [1]}, store=store, plugins=plugins)[0]
    path = file_of(store, record)
    path.write_text(path.read_text().replace('"value": 1.0', '"value": 0.9', 1))
    scan = store.scan()
    assert scan.records == [other]
    assert [fault.path for fault in scan.faults] == [path]
    assert "altered or damaged" in scan.faults[0].message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"record_id": "sha256:0"}', "\xff"])
def test_a_damaged_record_is_a_fault(store, record, content):
    path = file_of(store, record)
    path.write_bytes(content.encode("latin-1"))
    scan = store.scan()
    assert scan.records == []
    assert scan.faults[0].path == path


def test_unknown_fields_nan_and_contradictions_are_refused(record):
    fields = record.model_dump(mode="json")
    for change in (
        {"surprise": 1},
        {"status": "error"},
        {"decoding": fields["decoding"] | {"limit": 3}},
        {"protocol": fields["protocol"] | {"hash": "sha256:0"}},
        {"metrics": [fields["metrics"][0] | {"value": float("nan")}]},
    ):
        with pytest.raises(ValidationError):
            Record.model_validate(fields | change)


def test_predictions_are_stored_under_their_checksum(store):
    table = pa.table({"a": [1, 2, 3]})
    part = store.write_predictions(table, "toy/1")
    assert store.write_predictions(table, "toy/1") == part
    assert store.read_predictions(part).equals(table)
    path = store.root / "predictions" / f"{part.sha256}.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="altered or damaged"):
        store.read_predictions(part)
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        store.read_predictions(part)


def test_damaged_predictions_are_found(store, record):
    assert store.check_predictions(record) is None
    path = store.root / "predictions" / f"{record.predictions.sha256}.parquet"
    path.write_bytes(b"x")
    assert store.check_predictions(record).path == path
    path.unlink()
    assert "No such file" in store.check_predictions(record).message


def test_an_invalid_record_is_left_out_with_its_reason_and_stays_as_it_was(store, record):
    before = file_of(store, record).read_bytes()
    store.invalidate(record, "the seed was wrong")
    scan = store.scan()
    assert scan.current() == []
    assert scan.records == [record]
    assert scan.marks == {record.record_id: "the seed was wrong"}
    assert file_of(store, record).read_bytes() == before
    with pytest.raises(StoreError, match="reason"):
        store.invalidate(record, " ")


def test_a_record_is_invalidated_once(store, record):
    store.invalidate(record, "the seed was wrong")
    with pytest.raises(StoreError, match="is invalidated already: the seed was wrong"):
        store.invalidate(record, "the data were wrong")
    assert store.scan().marks == {record.record_id: "the seed was wrong"}


def test_a_rerun_supersedes(store, record, plugins):
    again = api.run(RUN, store=store, plugins=plugins, rerun=True)[0]
    assert again.supersedes == record.record_id
    assert store.scan().current() == [again]
    assert api.load_records(store) == [again]
    assert api.load_records(store, everything=True) == [record, again]


def test_records_are_found_by_a_beginning_of_their_id(store, record):
    assert store.get(record.record_id[:15]) == record
    assert store.get(record.record_id[7:15]) == record
    for prefix in ("sha256:", "ffff" if not record.record_id[7:].startswith("ffff") else "0000"):
        with pytest.raises(StoreError):
            store.get(prefix)


def test_a_full_disk_leaves_the_store_as_it_was(store, record, plugins, monkeypatch):
    import os

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {path: path.read_bytes() for path in (store.root / "records").rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        api.run(RUN, store=store, plugins=plugins, rerun=True)
    monkeypatch.undo()
    after = {path: path.read_bytes() for path in (store.root / "records").rglob("*") if path.is_file()}
    assert after == before
    assert store.scan().faults == []


def test_a_store_of_nothing_is_empty(tmp_path):
    scan = Store(tmp_path / "nowhere").scan()
    assert scan.records == []
    assert scan.current() == []


def test_a_record_of_the_draft_schema_is_read(request):
    path = request.config.rootpath / "tests" / "harness" / "records" / "record-v1.json"
    fields = json.loads(path.read_text())
    assert fields["schema_version"] == 1
    record = migrations.load(fields)
    assert record.schema_version == 3
    assert record.record_id == fields["record_id"]
    assert record.backend.id == fields["model"]["id"]
    assert record.metric("hit@1").value == fields["metrics"][0]["value"]
    assert record.metric("hit@1").interval == tuple(fields["metrics"][0]["ci95"])
    assert len(record.dataset.missing) == fields["dataset"]["missing"]


def test_a_record_of_version_2_keeps_its_id_and_its_git_state(record):
    fields = {name: value for name, value in record.model_dump(mode="json").items() if name != "rescored"}
    git = {"commit": "abc", "dirty": True, "origin": ""}
    fields["provenance"] = {k: v for k, v in fields["provenance"].items() if k != "code"} | {"git": git}
    fields["schema_version"] = 2
    fields["record_id"] = content_id(fields)
    loaded = migrations.load(fields)
    assert loaded.record_id == fields["record_id"]
    assert loaded.metrics == record.metrics
    assert [(state.package, state.git.commit, state.git.dirty) for state in loaded.provenance.code] == [
        ("fashionbench", "abc", True)
    ]


def test_each_record_file_is_parsed_once(store, record, monkeypatch):
    from fashionbench.records import store as module

    read = []
    real = module._json
    monkeypatch.setattr(module, "_json", lambda path: read.append(path) or real(path))
    fresh = Store(store.root)
    assert [r.record_id for r in fresh.scan().records] == [record.record_id]
    fresh.scan()
    fresh.find(record.cell, record.task.id, record.backend.id)
    assert len(read) == 1


def test_a_record_of_the_future_is_refused(record):
    fields = record.model_dump(mode="json") | {"schema_version": 99}
    fields["record_id"] = content_id(fields)
    with pytest.raises(StoreError, match="99"):
        migrations.load(fields)


def test_the_published_schema_is_that_of_the_code(request):
    published = request.config.rootpath / "docs" / "reference" / "record.schema.json"
    assert json.loads(published.read_text()) == Record.model_json_schema()


def test_records_validate_against_the_published_schema(request, record):
    import jsonschema

    published = request.config.rootpath / "docs" / "reference" / "record.schema.json"
    jsonschema.validate(record.model_dump(mode="json"), json.loads(published.read_text()))


def resealed(fields):
    return fields | {"record_id": content_id(fields)}


def without(fields, part, name):
    return fields | {part: {key: value for key, value in fields[part].items() if key != name}}


ODD = {
    "a card without a split": lambda f: f | {"protocol": f["protocol"] | {"card": {"metrics": []}}},
    "a card that is a list": lambda f: f | {"protocol": f["protocol"] | {"card": []}},
    "no protocol": lambda f: {name: value for name, value in f.items() if name != "protocol"},
    "a version that is a list": lambda f: f | {"schema_version": [3]},
    "a version that is a number in words": lambda f: f | {"schema_version": "3"},
    "no version": lambda f: {name: value for name, value in f.items() if name != "schema_version"},
    "version 1 and nothing of it": lambda f: {"schema_version": 1},
    "version 2 without its git state": lambda f: without(f, "provenance", "code") | {"schema_version": 2},
    "version 1 with a text for its data": lambda f: f | {"schema_version": 1, "model": "x", "dataset": "x"},
    "an odd version of the task": lambda f: f | {"task": f["task"] | {"version": 7}},
    "metrics that are a text": lambda f: f | {"metrics": "hit@1"},
    "a chain that is a text": lambda f: f | {"chain": "first"},
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_record_is_named_with_what_to_do_and_the_rest_goes_on(store, record, plugins, change):
    path = store.root / "records" / "odd.json"
    path.write_text(json.dumps(resealed(change(record.model_dump(mode="json")))))
    scan = store.scan()
    assert scan.records == [record]
    ((fault),) = scan.faults
    assert fault.path == path
    assert "(" in fault.message  # a remedy
    assert path in [one.path for one in api.verify_records(store, plugins=plugins).faults]
    assert api.run(RUN, store=store, plugins=plugins) == [record]
    assert not api.make_board("toy", store=store, plugins=plugins).complete


DAMAGED = ["", "{", "[]", "null", "[" * 100_000, '{"record_id": NaN}', '{"a": 1, "a": 2}', "\xff", "\x00" * 50]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
@pytest.mark.parametrize("place", ["records/x.json", "marks/x.json", "audits/toy__squares.json"])
def test_whatever_a_file_holds_it_costs_itself_alone(store, record, plugins, place, content):
    path = store.root / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode("latin-1"))
    assert store.scan().records == [record]
    again = api.run(RUN, store=store, plugins=plugins, rerun=True)[0]
    assert again.status == "ok"
    if place.startswith("audits"):
        assert "delete it and audit again" in again.policy[0].message
    else:
        (fault,) = store.scan().faults
        assert fault.path == path
        assert "restore the file from its source, or delete it" in fault.message

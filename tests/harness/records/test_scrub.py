"""Old stores without secrets: the same values under new ids, and nothing of the secret anywhere in the store."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from fashionbench import api
from fashionbench.api.records import verify_records
from fashionbench.api.scrub import scrub
from fashionbench.api.stores import existing_store
from fashionbench.records import store as store_module
from fashionbench.records import store_swap
from fashionbench.records.record_texts import record_with_clean_texts

SECRET = "hf_abcdefghijklmnop"


@pytest.fixture
def old(plugins, store, monkeypatch):
    """A store whose second record has a secret and a path, as a version without a redactor wrote it."""
    run = {"tasks": "toy/squares", "backends": ["toy/colour"]}
    api.run(run, plugins=plugins, store=store)
    (record,) = api.run({**run, "backends": ["toy/raises"]}, plugins=plugins, store=store)
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "record_with_clean_texts", lambda record: record)
        error = record.error.model_copy(update={"message": f"refused {SECRET}", "traceback": "/home/ada/code.py:1"})
        foul = store.add(record.model_copy(update={"error": error, "supersedes": record.record_id}))
        patch.setattr(store_module, "stored_text", lambda text: text)
        store.invalidate(foul, f"it was run with {SECRET}")
    api.run({**run, "seeds": [1]}, plugins=plugins, store=store)
    return store


def texts(store):
    return {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file() and "cache" not in path.parts}


def test_a_store_is_scrubbed_and_verifies(plugins, old):
    before = old.scan()
    made = scrub(old, plugins=plugins)
    assert len(made.changed) == 1 and not made.faults
    assert not any(SECRET.encode() in content or b"/home/ada" in content for content in texts(old).values())
    after = old.scan()
    assert [r.metrics for r in after.records] == [r.metrics for r in before.records]
    assert [r.provenance.ended for r in after.records] == [r.provenance.ended for r in before.records]
    assert [(made.changed | made.renamed).get(r.record_id, r.record_id) for r in before.records] == [
        r.record_id for r in after.records
    ]
    assert list(after.marks.values()) == ["it was run with ***"]
    assert {r.backend.id for r in after.current()} == {r.backend.id for r in before.current()}
    assert after.records[2].supersedes == after.records[1].record_id
    found = verify_records(old, plugins=plugins)
    assert found.ok, found.faults


def test_a_clean_store_is_left_as_it_is(plugins, store):
    api.run({"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises"]}, plugins=plugins, store=store)
    (store.root / ".lock").touch()
    before = {path: content for path, content in texts(store).items() if path.name != ".lock"}
    assert scrub(store, plugins=plugins) == scrub(store, plugins=plugins)
    assert {path: content for path, content in texts(store).items() if path.name != ".lock"} == before
    assert all(record_with_clean_texts(record) == record for record in store.scan().records)


def test_a_store_with_a_damaged_file_is_not_touched(plugins, old):
    path = min((old.root / "records").rglob("*.json"))
    path.write_text(path.read_text()[:-20])
    before = texts(old)
    made = scrub(old, plugins=plugins)
    assert [fault.path for fault in made.faults] == [path]
    assert {p: c for p, c in texts(old).items() if p.name != ".lock"} == before


def test_the_command_names_old_and_new_ids(plugins, old, capsys, monkeypatch):
    from fashionbench.cli.main import main

    assert main(["records", "scrub", "--store", str(old.root), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["changed"]) == 1
    assert set(said["changed"].values()) <= {record.record_id for record in old.scan().records}
    assert main(["records", "scrub", "--store", str(old.root)]) == 0
    assert capsys.readouterr().out == "cleaned: 0 records\n"


def test_a_scrub_that_ends_at_any_step_loses_nothing_and_is_finished_by_the_next_command(
    plugins, old, monkeypatch, tmp_path
):
    """A kill is an error that nothing catches; one that is caught must do no more harm."""
    values = [record.metrics for record in old.scan().records]
    for step in range(20):
        root, steps = tmp_path / str(step), []
        shutil.copytree(old.root, root)

        def stepped(real, steps=steps, step=step):
            def done(path, *given, **more):
                if path.name in {*store_swap._PARTS, store_swap._READY} or store_swap._READY in map(str, given):
                    steps.append(path)
                if len(steps) == step + 1:
                    raise KeyboardInterrupt
                return real(path, *given, **more)

            return done

        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(Path, "replace", stepped(Path.replace))
            patch.setattr(store_swap.shutil, "rmtree", stepped(shutil.rmtree))
            scrub(root, plugins=plugins)
        again = existing_store(root, plugins)
        found = verify_records(again, metrics=False, plugins=plugins)
        assert found.ok, found.faults
        assert [record.metrics for record in again.scan().records] == values
        assert not (root / store_swap._READY).exists()
        if len(steps) <= step:
            break
    assert 7 <= step < 20

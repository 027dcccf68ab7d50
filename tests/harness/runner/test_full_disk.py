"""A disk that takes no more ends the run at once, whatever raised it; a store that may only be read is read."""

from __future__ import annotations

import dataclasses
import errno
import json
from pathlib import Path

import closed_folder
import pytest
import toy_plugin

from fashionbench import api
from fashionbench.cli import options
from fashionbench.cli.main import main
from fashionbench.errors import FashionBenchError, StoreError

RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}


def full(*_arguments, **_more):
    with Path("/dev/full").open("wb", buffering=0) as disk:  # a disk that is full, without filling one
        disk.write(b"x")


def full_in_other_words(*arguments, **more):
    raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")


def full_underneath(*arguments, **more):
    try:
        full()
    except OSError as error:
        raise FashionBenchError("the model cannot be loaded") from error


@pytest.fixture
def one(plugins, store):
    return api.run(RUN | {"seeds": [7]}, plugins=plugins, store=store)[0]


def files_of(store):
    return {path: path.read_bytes() for path in (store.root / "records").rglob("*") if path.is_file()}


@pytest.mark.parametrize("fault", [full, full_in_other_words, full_underneath])
@pytest.mark.parametrize("place", ["backend", "metric", "task", "values"])
def test_a_full_disk_ends_the_run_and_leaves_no_error_record(plugins, store, one, monkeypatch, fault, place):
    before = files_of(store)
    if place == "backend":
        monkeypatch.setattr(toy_plugin.Colour, "fingerprint", fault)
    if place == "metric":
        monkeypatch.setattr(toy_plugin, "full", fault, raising=False)
        plugins.metrics.put(dataclasses.replace(plugins.metrics["mrr"], target="toy_plugin:full"), None)
    if place == "task":
        monkeypatch.setattr(toy_plugin, "squares", fault)
    if place == "values":
        monkeypatch.setattr(type(store.predictions), "write", fault)
    with pytest.raises(OSError, match="No space left") as caught:
        api.run(RUN | {"seeds": [0, 1]}, plugins=plugins, store=store)
    assert caught.value.errno == errno.ENOSPC
    assert files_of(store) == before
    assert api.verify_records(store, metrics=False, plugins=plugins).faults == []


def test_the_command_says_what_to_do(plugins, store, one, monkeypatch, capsys):
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    monkeypatch.setattr(toy_plugin.Colour, "fingerprint", full_underneath)
    words = ["run", "--task", "toy/squares", "--backend", "toy/colour", "--store", str(store.root)]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "error: No space left on device" in said
    assert "the store is valid; free some space" in said


@pytest.fixture
def closed(store, one):
    with closed_folder.closed(store.root):
        with pytest.raises(PermissionError):
            (store.root / "x").write_bytes(b"")
        yield store


def test_a_store_that_may_only_be_read_is_read_and_reused(plugins, closed, one, capsys, monkeypatch):
    assert api.run(RUN | {"seeds": [7]}, plugins=plugins, store=closed) == [one]
    assert api.load_records(closed, plugins=plugins) == [one]
    assert api.verify_records(closed, plugins=plugins).ok
    assert api.make_board("toy", store=closed, plugins=plugins).complete
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    words = ["run", "--task", "toy/squares", "--backend", "toy/colour", "--seed", "7", "--store", str(closed.root)]
    capsys.readouterr()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "toy/colour" in out
    assert "warning: the board is not written: Permission denied" in err
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["record_id"] == one.record_id


@pytest.mark.parametrize("more", [{"seeds": [7, 8]}, {"seeds": [8]}, {"seeds": [7], "rerun": True}])
def test_what_such_a_store_does_not_hold_is_an_error_that_says_so(plugins, closed, more):
    rerun = bool(more.pop("rerun", False))
    with pytest.raises(StoreError, match=r"has no record to reuse, and the store .* cannot be written: Permission"):
        api.run(RUN | more, plugins=plugins, store=closed, rerun=rerun)


def test_a_metric_that_could_be_computed_now_is_left_for_a_store_that_can_be_written(plugins, store, monkeypatch):
    spec = plugins.metrics["mrr"]
    plugins.metrics.put(dataclasses.replace(spec, target="toy_plugin:lacking"), None)
    first = api.run(RUN, plugins=plugins, store=store)[0]
    assert first.metric("mrr") is None
    plugins.metrics.put(spec, None)
    with closed_folder.closed(store.root):
        assert api.run(RUN, plugins=plugins, store=store) == [first]
    assert api.run(RUN, plugins=plugins, store=store)[0].metric("mrr").value == 1.0

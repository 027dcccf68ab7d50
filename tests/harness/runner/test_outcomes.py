"""Records are total: whatever a task, a backend or a plugin says, a record is built and the run goes on."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import toy_plugin

from fashionbench import api
from fashionbench.errors import PluginError
from fashionbench.metrics.contract import Outcome
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.origin import Origin
from fashionbench.progress import Silent
from fashionbench.records.schema import PolicyFinding


class Notes(Silent):
    """A reporter that keeps its lines."""

    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


def run(plugins, store, *backends, task="toy/squares", reporter=None, **more):
    return api.run({"tasks": task, "backends": list(backends), **more}, plugins=plugins, store=store, reporter=reporter)


EVENTS = ("on_run_start", "on_cell_start", "on_cell_end", "on_cell_error", "on_run_end")


@pytest.mark.parametrize("hook", EVENTS)
def test_an_observer_that_raises_is_named_and_stops_nothing(plugins, store, hook):
    def raising(event):
        raise RuntimeError("the tracker is offline")

    heard = []
    plugins.register(
        type("Loud", (), {hook: staticmethod(hookimpl(raising, specname=hook))})(), Origin("loud", "acme", "1")
    )

    def quiet(event):
        heard.append(event)

    plugins.register(
        type("Quiet", (), {hook: staticmethod(hookimpl(quiet, specname=hook))})(), Origin("quiet", "acme", "1")
    )
    notes = Notes()
    records = run(plugins, store, "toy/colour", "toy/raises", reporter=notes)
    assert [record.status for record in records] == ["ok", "error"]
    assert len(store.scan().records) == 2
    assert heard
    complaints = [line for line in notes.lines if hook in line]
    assert len(complaints) == len(heard)
    assert complaints[0] == f"warning: {hook} of plugin acme:loud (acme 1) failed: RuntimeError: the tracker is offline"


def test_what_plugins_say_of_policy_and_provenance_cannot_cost_a_record(plugins, store):
    class Broken:
        @hookimpl
        def check_data_policy(self, backend, dataset):
            return ["not a finding"]

        @hookimpl
        def collect_provenance(self):
            return {"open": object()}

    class Sound:
        @hookimpl
        def check_data_policy(self, backend, dataset):
            return [PolicyFinding(kind="licence", message="ask first")]

    plugins.register(Broken(), Origin("broken", "acme", "1"))
    plugins.register(Sound(), Origin("sound", "acme", "1"))
    notes = Notes()
    record = run(plugins, store, "toy/colour", reporter=notes)[0]
    assert record.status == "ok"
    assert [finding.message for finding in record.policy] == ["ask first"]
    assert "ConfigError" in record.provenance.extra["acme:broken"]["error"]
    assert any("check_data_policy of plugin acme:broken" in line for line in notes.lines)


def test_data_that_cannot_stand_in_a_record_are_an_error_record(plugins, store, monkeypatch):
    squares = toy_plugin.squares

    def odd(spec, roots):
        task = squares(spec, roots)
        task._info = dataclasses.replace(task._info, sizes={"queries": "eight"})
        return task

    monkeypatch.setattr(toy_plugin, "squares", odd, raising=False)
    records = run(plugins, store, "toy/colour")
    assert records[0].status == "error"
    assert "cannot be recorded" in records[0].error.message
    assert store.scan().faults == []


def test_a_task_with_the_card_of_another_one_is_refused_when_it_is_made(plugins):
    with pytest.raises(PluginError, match="toy/other 1.0.0 has the protocol card of toy/squares"):
        dataclasses.replace(plugins.tasks["toy/squares"], id="toy/other")


def test_the_verdict_of_an_audit_is_copied_to_later_records(plugins, store):
    from fashionbench.records.audits import Audit, Check, keep

    assert run(plugins, store, "toy/colour")[0].policy == ()
    audit = Audit("toy/squares", "leak", "sha256:" + "ab" * 32, (Check("gallery", "fault"),), (), {})
    keep(audit, store)
    record = run(plugins, store, "toy/nan", "toy/colour", seeds=[1])[1]
    assert [(f.kind, f.message) for f in record.policy] == [("leak", "audit abababababab: leak; faults: gallery")]
    (store.root / "audits" / "toy__squares.json").write_text("{")
    damaged = run(plugins, store, "toy/colour", seeds=[2])[0]
    assert damaged.status == "ok"
    assert "cannot be read" in damaged.policy[0].message


@pytest.mark.parametrize("where", ["backend", "metric", "observer"])
def test_a_plugin_that_ends_the_process_ends_its_own_part_alone(plugins, store, monkeypatch, where):
    def ends(*arguments):
        sys.exit(3)

    notes = Notes()
    if where == "backend":
        monkeypatch.setattr(toy_plugin.Raises, "encode_images", ends)
    if where == "metric":
        monkeypatch.setattr(toy_plugin, "ends", ends, raising=False)
        plugins.metrics.put(dataclasses.replace(plugins.metrics["mrr"], target="toy_plugin:ends"), None)
    if where == "observer":
        plugins.register(
            type("Ends", (), {"on_cell_start": staticmethod(hookimpl(lambda event: sys.exit(3)))})(),
            Origin("ends", "acme", "1"),
        )
    first, second = run(plugins, store, "toy/raises", "toy/colour", reporter=notes)
    assert second.status == "ok"
    assert second.metric("hit@1").value == 1.0
    if where == "backend":
        assert "sys.exit(3)" in first.error.message
    if where == "metric":
        assert [part.reason for part in second.absent] == ["SystemExit: 3"]
    if where == "observer":
        assert any("acme:ends" in line and "SystemExit" in line for line in notes.lines)


def test_without_a_reporter_a_warning_goes_to_standard_error(plugins, store, capsys):
    plugins.register(
        type("Loud", (), {"on_run_start": staticmethod(hookimpl(lambda event: 1 / 0))})(), Origin("loud", "acme", "1")
    )
    assert run(plugins, store, "toy/colour")[0].status == "ok"
    assert "on_run_start of plugin acme:loud" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(value=7.5), "its value 7.5 is no fraction"),
        (Outcome(value=0.5, interval=(0.9, 0.1)), "its interval [0.9, 0.1] ends before it begins"),
        (Outcome(value=0.5, standard_error=-1.0), "its standard error -1.0 is negative"),
    ],
)
def test_a_metric_that_gives_what_cannot_be_is_absent(plugins, store, monkeypatch, outcome, said):
    monkeypatch.setattr(toy_plugin, "odd", lambda table, arguments: outcome, raising=False)
    plugins.metrics.put(dataclasses.replace(plugins.metrics["mrr"], target="toy_plugin:odd"), None)
    (record,) = run(plugins, store, "toy/colour")
    assert record.metric("mrr") is None
    assert record.metric("hit@1").value == 1.0
    assert [absent.reason.startswith(said) for absent in record.absent] == [True]
    assert store.scan().records == [record]

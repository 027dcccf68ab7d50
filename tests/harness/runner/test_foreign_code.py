"""Whatever a backend, a task or a metric raises or says is a finding of its cell; what was measured is kept."""

from __future__ import annotations

import dataclasses
import json
import signal

import pytest
import toy_plugin

from fashionbench import api
from fashionbench.errors import BackendError, message_of
from fashionbench.records.stored_text import LONGEST


class Odd(BaseException):
    pass


class MuteError(Exception):
    """An error whose text raises."""

    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


def run(plugins, store, *backends):
    return api.run({"tasks": "toy/squares", "backends": list(backends)}, plugins=plugins, store=store)


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), GeneratorExit(), SystemExit(3), Odd("odd"), RecursionError()], ids=repr)  # fmt: skip
def test_what_no_handler_of_errors_catches_ends_one_cell_alone(plugins, store, monkeypatch, raised):
    def ends(self, items, role):
        raise raised

    monkeypatch.setattr(toy_plugin.Raises, "encode_images", ends)
    first, second = run(plugins, store, "toy/raises", "toy/colour")
    assert (first.status, second.status) == ("error", "ok")
    said = first.error.message + first.error.type
    assert type(raised).__name__ in said or "sys.exit(3)" in said


def test_an_error_whose_text_raises_ends_one_cell_alone(plugins, store, monkeypatch):
    def ends(self, items, role):
        raise MuteError

    monkeypatch.setattr(toy_plugin.Raises, "encode_images", ends)
    first, second = run(plugins, store, "toy/raises", "toy/colour")
    assert (first.status, second.status) == ("error", "ok")
    assert (first.error.type, first.error.message) == ("MuteError", "MuteError: (its text cannot be read: ValueError)")


@pytest.mark.parametrize("kind", [BackendError, RuntimeError])
def test_a_text_of_millions_of_characters_is_cut_wherever_it_is_said(kind):
    assert len(message_of(kind("x" * 10**6))) < 2 * LONGEST


def test_a_real_interrupt_that_a_backend_swallows_still_ends_the_run(plugins, store, monkeypatch):
    def swallows(self, items, role):
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            raise ValueError("caught") from None

    monkeypatch.setattr(toy_plugin.Raises, "encode_images", swallows)
    with pytest.raises(KeyboardInterrupt):
        run(plugins, store, "toy/raises", "toy/colour")
    assert "toy/colour" not in {record.backend.id for record in store.scan().records}


@pytest.mark.parametrize("part", ["parameters", "preprocessing"])
def test_a_backend_that_fails_to_describe_itself_keeps_its_result(plugins, store, monkeypatch, part):
    def fails(self):
        raise OSError("no description")

    monkeypatch.setattr(toy_plugin.Colour, part, property(fails), raising=False)
    (record,) = run(plugins, store, "toy/colour")
    assert record.status == "ok" and record.metric("hit@1").value == 1.0
    (finding,) = [one for one in record.policy if one.kind == "failure"]
    assert "asking the backend about itself failed" in finding.message and "no description" in finding.message


def test_what_cannot_be_recorded_of_a_backend_is_left_out_and_named(plugins, store, monkeypatch):
    monkeypatch.setattr(toy_plugin.Colour, "preprocessing", {"a": "half \ud83d"}, raising=False)
    (record,) = run(plugins, store, "toy/colour")
    assert record.backend.preprocessing == {"a": "half \ufffd"}
    monkeypatch.setattr(toy_plugin.Colour, "preprocessing", {"half \ud83d": "a"})
    (record,) = run(plugins, store, "toy/raises", "toy/colour")[1:]
    assert record.metric("hit@1").value == 1.0


@pytest.mark.parametrize(
    "step",
    ["policy_findings", "training_data_of", "count_findings", "handed_in_findings", "code_state", "image_access"],
)
def test_a_step_after_the_predictions_that_fails_is_a_finding(plugins, store, monkeypatch, step):
    def fails(*_args, **_more):
        raise ZeroDivisionError("later")

    monkeypatch.setattr(f"fashionbench.runner.execute.{step}", fails)
    (record,) = run(plugins, store, "toy/colour")
    assert record.status == "ok"
    assert record.predictions is not None and store.read_predictions(record.predictions).num_rows
    assert any(one.kind == "failure" and "ZeroDivisionError: later" in one.message for one in record.policy)
    if step != "image_access":
        assert record.metric("hit@1").value == 1.0


def test_texts_are_cleaned_and_cut_before_they_are_stored(plugins, store, monkeypatch):
    def fails(self, items, role):
        raise ValueError(f"\x1b[2J\ud800 key=abc /home/ada/x {'long ' * 10_000_000}")

    monkeypatch.setattr(toy_plugin.Raises, "encode_images", fails)
    (record,) = run(plugins, store, "toy/raises")
    message = record.error.message
    assert message.startswith("ValueError: \ufffd key=*** …/x long")
    assert len(message) < LONGEST + 100 and "characters more)" in message
    assert store.scan().faults == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), Odd()])
def test_a_metric_that_raises_what_is_no_error_is_absent(plugins, store, monkeypatch, raised):
    def ends(*_args):
        raise raised

    monkeypatch.setattr(toy_plugin, "ends", ends, raising=False)
    plugins.metrics.put(dataclasses.replace(plugins.metrics["mrr"], target="toy_plugin:ends"), None)
    (record,) = run(plugins, store, "toy/colour")
    assert record.metric("hit@1").value == 1.0
    assert [type(raised).__name__ in absent.reason for absent in record.absent] == [True]


def test_a_secret_option_is_nowhere_and_its_rows_differ(plugins, store, monkeypatch):
    spec = plugins.backends["toy/colour"]
    plugins.backends.put(dataclasses.replace(spec, options={"shade": "", "tone": 1}, secrets=("shade",)), plugins.backends.origin("toy/colour"))  # fmt: skip
    given = []

    def encode(self, items, role):
        given.append(self.context.options["shade"])
        raise ValueError(f"refused {self.context.options['shade']}")

    monkeypatch.setattr(toy_plugin.Colour, "encode_images", encode)
    secrets = ("tea-for-two-9", "tea-for-three-9")
    records = [
        api.run({"tasks": "toy/squares", "backends": [{"id": "toy/colour", "options": {"shade": s}}]}, plugins=plugins, store=store)[0]
        for s in secrets
    ]  # fmt: skip
    assert given == list(secrets)
    assert len({record.cell for record in records}) == 2
    assert len({record.backend.options["shade"] for record in records}) == 2
    for path in store.root.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path
    assert json.loads(records[0].model_dump_json())["backend"]["options"]["tone"] == 1
    assert records[0].error.message == "ValueError: refused ***"

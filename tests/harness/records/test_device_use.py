"""A device that was not used is recorded nowhere."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fashionbench import api
from fashionbench.records.device_use import DeviceUse

RUN = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}


@pytest.fixture
def accelerator(monkeypatch):
    """An accelerator as torch shows one, with two places; this machine has none that could be used."""
    torch = pytest.importorskip("torch", reason="torch, which counts what it gives out")
    given = {0: 5, 1: 7}

    def memory_stats(place):
        at = int(str(place).partition(":")[2] or place)
        if at not in given:
            raise AssertionError("Invalid device id")
        return {"allocation.all.allocated": given[at]}

    monkeypatch.setattr(torch, "npu", SimpleNamespace(memory_stats=memory_stats, device_count=lambda: 2), raising=False)
    return given


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps", "xpu", "npu", "no such", ""])
def test_a_run_that_computes_with_numpy_used_the_processor(plugins, store, device):
    (record,) = api.run(RUN | ({"device": device} if device else {}), plugins=plugins, store=store)
    assert record.status == "ok"
    assert record.decoding.device == "cpu"
    assert record.provenance.accelerator == ""


def test_a_device_is_used_where_memory_was_asked_for_on_it(accelerator):
    whole, second = DeviceUse("npu"), DeviceUse("npu:1")
    assert (whole.device, second.device) == ("cpu", "cpu")
    accelerator[0] += 1
    assert (whole.device, second.device) == ("npu", "cpu")
    accelerator[1] += 1
    assert second.device == "npu:1"
    # What was used before counts no more.
    assert DeviceUse("npu").device == "cpu"
    assert DeviceUse("npu:9").device == "cpu"


def test_what_a_model_uses_of_itself_is_said(accelerator, monkeypatch):
    import torch

    counted = {0: 0}
    stats = SimpleNamespace(
        memory_stats=lambda place: {"allocation.all.allocated": counted[0]}, device_count=lambda: 1, is_available=bool
    )
    monkeypatch.setattr(torch, "xpu", stats)
    use = DeviceUse("cpu")
    counted[0] = 1
    assert use.device == "xpu"


def test_the_cell_that_used_it_says_so(accelerator, plugins, store, monkeypatch):
    import toy_plugin

    whole = toy_plugin.Colour.encode_texts

    def on_accelerator(self, items, role):
        accelerator[1] += 1
        return whole(self, items, role)

    monkeypatch.setattr(toy_plugin.Colour, "encode_texts", on_accelerator)
    (record,) = api.run(RUN | {"device": "npu"}, plugins=plugins, store=store)
    assert record.decoding.device == "npu"
    # All embeddings come from the cache: nothing was computed there.
    (again,) = api.run(RUN | {"device": "npu"}, plugins=plugins, store=store, rerun=True)
    assert (again.decoding.cached, again.decoding.device) == (16, "cpu")

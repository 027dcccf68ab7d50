from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from fashionbench.errors import BackendError

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

import torch
from safetensors.torch import save_file
from torch import nn

from fashionbench_unifashion.weights.loading import files, fingerprint, load_strict, read

if TYPE_CHECKING:
    from pathlib import Path

STATE = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2), "b": torch.tensor(7)}


def test_safetensors_come_before_pickles(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    torch.save({"c": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    found = read(tmp_path)
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "anything.pth"])
def test_tensors_of_pytorchs_own_format_are_read(tmp_path: Path, name: str) -> None:
    torch.save(STATE, tmp_path / name)
    assert read(tmp_path).keys() == STATE.keys()
    torch.save({"model": STATE, "epoch": 3}, tmp_path / name)
    assert read(tmp_path / name).keys() == STATE.keys()


def test_parts_are_put_together(tmp_path: Path) -> None:
    save_file({"a.weight": STATE["a.weight"]}, tmp_path / "model-1.safetensors")
    save_file({"b": STATE["b"]}, tmp_path / "model-2.safetensors")
    index = {"weight_map": {"a.weight": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read(tmp_path).keys() == {"a.weight", "b"}
    (tmp_path / "model-2.safetensors").unlink()
    with pytest.raises(BackendError, match=r"lists \['model-2.safetensors'\], which are not there"):
        read(tmp_path)


def test_a_part_of_a_model_is_read_by_its_beginning(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    assert read(tmp_path, only="a.").keys() == {"weight", "bias"}
    assert read(tmp_path, skip=("a.",)).keys() == {"b"}
    with pytest.raises(BackendError, match="no weights that start with 'c.'"):
        read(tmp_path, only="c.")


class Bomb:
    def __reduce__(self):
        return print, ("went off",)


def test_a_file_that_could_run_something_is_refused_and_does_not_run(tmp_path: Path, capsys) -> None:
    torch.save({"model": STATE, "bomb": Bomb()}, tmp_path / "x.pth")
    with pytest.raises(BackendError, match="more than tensors"):
        read(tmp_path / "x.pth")
    assert "went off" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(BackendError, match=f"{name} cannot be read as weights"):
        read(tmp_path / name)
    whole = tmp_path / "whole"
    save_file(STATE, whole) if name.endswith("safetensors") else torch.save(STATE, whole)
    (tmp_path / name).write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(BackendError, match=name):
        read(tmp_path / name)


def test_a_file_without_a_state_dictionary_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "QFormer": STATE}, tmp_path / "x.pth")
    with pytest.raises(BackendError, match=r"no dictionary of tensors.*\['epoch', 'QFormer'\]"):
        read(tmp_path)


def test_a_folder_without_weights_or_with_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="has no weights"):
        files(tmp_path)
    for name in ("x.pth", "y.pth"):
        torch.save(STATE, tmp_path / name)
    with pytest.raises(BackendError, match="2 files .pth or .pt"):
        files(tmp_path)


@pytest.mark.parametrize("source", ["/nowhere/at/all", "./nowhere", "nowhere/a/b", "~/no-such-folder-here"])
def test_a_path_that_is_not_there_is_not_asked_of_the_hub(source: str) -> None:
    with pytest.raises(BackendError, match="no file or folder"):
        read(source)


def test_a_model_that_the_hub_does_not_give_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        BackendError,
        match="revision main, is no folder here and cannot be had from the hub.*hf download nobody/no-such-model' where",
    ):
        read("nobody/no-such-model")


def linear() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


def test_weights_that_fit_are_copied_into_type_and_place() -> None:
    module, other = linear().double(), linear()
    load_strict(module, other.state_dict(), allowed_missing=(), allowed_unexpected=())
    assert module[0].weight.dtype == torch.float64
    assert torch.equal(module[0].weight, other[0].weight.double())


def test_every_name_that_does_not_fit_is_an_error_unless_listed() -> None:
    module, state = linear(), linear().state_dict()
    kept = module[1].bias.detach().clone()
    del state["1.bias"]
    state["head.weight"] = torch.ones(1)
    with pytest.raises(BackendError, match=r"file does not fit Sequential; missing: 1\.bias; unexpected: head\.weight"):
        load_strict(module, state, allowed_missing=(), allowed_unexpected=(), source="file")
    with pytest.raises(BackendError, match=r"unexpected: head\.weight"):
        load_strict(module, state, allowed_missing=("1.bias",), allowed_unexpected=("head",))
    load_strict(module, state, allowed_missing=(r"1\.bias",), allowed_unexpected=(r"head\..*",))
    assert torch.equal(module[0].weight, state["0.weight"])
    assert torch.equal(module[1].bias, kept)


def test_nothing_is_loaded_where_something_does_not_fit() -> None:
    module, state = linear(), linear().state_dict()
    before = fingerprint(module.state_dict())
    state["1.bias"] = torch.zeros(4)
    with pytest.raises(BackendError, match=r"of another shape: 1\.bias \[4\] for \[1\]"):
        load_strict(module, state, allowed_missing=(), allowed_unexpected=())
    assert fingerprint(module.state_dict()) == before


def test_ten_names_are_told_and_the_rest_counted() -> None:
    state = {f"x{number:02}": torch.ones(1) for number in range(14)}
    with pytest.raises(BackendError, match="x09 and 4 more"):
        load_strict(nn.Module(), state, allowed_missing=(), allowed_unexpected=())


def test_a_module_without_memory_takes_the_tensors_and_must_be_filled() -> None:
    with torch.device("meta"):
        module, partly = linear(), linear()
    state = linear().state_dict()
    load_strict(module, state, allowed_missing=(), allowed_unexpected=())
    assert module[0].weight.data_ptr() == state["0.weight"].data_ptr()
    del state["1.bias"]
    with pytest.raises(BackendError, match=r"does not fill 1\.bias"):
        load_strict(partly, state, allowed_missing=("1.bias",), allowed_unexpected=())


def test_the_hash_is_of_names_types_shapes_and_bytes() -> None:
    one = {"b": torch.tensor([1, 2], dtype=torch.int16), "a": torch.tensor(True)}
    total = hashlib.sha256()
    for header, content in (('["a", "torch.bool", []]', b"\x01"), ('["b", "torch.int16", [2]]', b"\x01\x00\x02\x00")):
        total.update(f"{len(header)}:{header}".encode() + content)
    assert fingerprint(one) == f"sha256:{total.hexdigest()}"
    assert fingerprint(dict(reversed(one.items()))) == fingerprint(one)


def test_every_change_of_weights_changes_the_hash() -> None:
    base = {"a": torch.arange(6.0).reshape(2, 3)}
    others = [
        {"b": base["a"]},
        {"a": base["a"].reshape(3, 2)},
        {"a": base["a"].T},
        {"a": base["a"].double()},
        {"a": base["a"].bfloat16()},
        {"a": base["a"] + torch.tensor(1e-6)},
        {**base, "b": torch.zeros(0)},
    ]
    hashes = {fingerprint(state) for state in [base, *others]}
    assert len(hashes) == 8
    assert fingerprint({"a": base["a"].T.contiguous().T}) == fingerprint(base)

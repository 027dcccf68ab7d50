"""What a phase leaves behind."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch import nn

from fashionbench.errors import DataError
from fashionbench_unifashion.training.checkpoints import PhaseFolder, put


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "phase").mkdir()
    return PhaseFolder(tmp_path / "phase")


def parameters(value=0.0):
    return {"a": nn.Parameter(torch.full((2, 3), value)), "b": nn.Parameter(torch.full((4,), value))}


def test_a_checkpoint_comes_back_bit_for_bit(folder):
    assert folder.load() is None
    weights = {"a": torch.rand(2, 3), "b": torch.rand(4).double()}
    folder.save({"step": 3, "best": 0.5, "weights": weights})
    loaded = folder.load()
    assert (loaded["step"], loaded["best"]) == (3, 0.5)
    assert all(torch.equal(loaded["weights"][name], value) for name, value in weights.items())


def test_a_finished_phase_has_its_weights_and_no_checkpoint(folder):
    folder.keep_best(parameters(1.0))
    folder.save({"step": 1})
    assert not folder.done
    folder.finish(parameters(2.0), {"best": 0.25})
    assert folder.done and folder.load() is None
    assert folder.summary() == {"best": 0.25}
    restored = parameters()
    folder.restore(restored)
    assert {value.sum().item() for value in restored.values()} == {12.0, 8.0}
    assert sorted(path.name for path in folder.root.iterdir()) == ["done.json", "trained.safetensors"]


def test_the_best_weights_are_those_that_were_kept_last(folder):
    folder.keep_best(parameters(1.0))
    folder.keep_best(parameters(3.0))
    restored = parameters()
    folder.restore(restored, "best")
    assert restored["b"][0].item() == 3.0


def test_other_parameters_are_refused(folder):
    state = {name: value.detach() for name, value in parameters().items()}
    with pytest.raises(DataError, match="here was trained with other parameters: b"):
        put(parameters(), {"a": state["a"]}, "here")
    with pytest.raises(DataError, match=r"b has the shape \[5\], expected \[4\]"):
        put(parameters(), {**state, "b": torch.zeros(5)}, "here")


def test_what_a_process_left_that_was_killed_as_its_phase_ended_is_spent(folder):
    folder.finish(parameters(2.0), {})
    for name in ("checkpoint.pt", "best.safetensors"):
        (folder.root / name).write_bytes(b"left")
    folder.drop_spent()
    assert {path.name for path in folder.root.iterdir()} == {"done.json", "trained.safetensors"}


def test_a_damaged_checkpoint_is_named(folder):
    (folder.root / "checkpoint.pt").write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(DataError, match="checkpoint.pt is damaged"):
        folder.load()


def test_of_lines_of_one_step_the_last_one_counts(folder):
    assert folder.lines() == []
    for step, values in [(1, {"loss": 4.0}), (2, {"loss": 3.0}), (2, {"held/score": 0.5}), (1, {"loss": 5.0})]:
        folder.log(step, values)
    assert folder.lines() == [{"step": 1, "loss": 5.0}, {"step": 2, "loss": 3.0, "held/score": 0.5}]


def test_half_a_line_of_a_killed_process_costs_that_line_alone(folder):
    folder.log(1, {"loss": 4.0})
    with (folder.root / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    folder.log(2, {"loss": 3.0})
    folder.log(3, {"loss": 2.0})
    assert [line["loss"] for line in folder.lines()] == [4.0, 3.0, 2.0]


def flipped(path, content):
    """Flip a bit of one number that a file holds."""
    whole = bytearray(path.read_bytes())
    at = whole.find(content)
    assert at > 0
    whole[at + 1] ^= 1
    path.write_bytes(whole)


def test_a_flipped_bit_of_weights_or_of_a_checkpoint_is_named(folder):
    marked = torch.arange(7.0, 19.0)
    state = {"a": nn.Parameter(marked.clone())}
    folder.keep_best(state)
    folder.save({"step": 3, "weights": {"a": marked}})
    for name, read in (("best.safetensors", lambda: folder.restore(state, "best")), ("checkpoint.pt", folder.load)):
        read()
        flipped(folder.root / name, marked.numpy().tobytes())
        with pytest.raises(DataError, match=f"{name} w(as|ere) altered or damaged") as caught:
            read()
        assert str(folder.root) in caught.value.message
        assert "remove" in caught.value.remedy
    folder.finish(state, {"best": 0.25})
    folder.restore(state)
    flipped(folder.root / "trained.safetensors", marked.numpy().tobytes())
    with pytest.raises(DataError, match=r"trained.safetensors were altered or damaged"):
        folder.restore(state)


def test_weights_and_checkpoints_of_before_there_were_checksums_are_read(folder):
    from safetensors.torch import save_file

    save_file({name: value.detach() for name, value in parameters(2.0).items()}, folder.root / "best.safetensors")
    restored = parameters()
    folder.restore(restored, "best")
    assert restored["b"][0].item() == 2.0
    torch.save({"step": 5}, folder.root / "checkpoint.pt")
    assert folder.load() == {"step": 5}


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 5000, '{"best": NaN}', '{"best": 1, "best": 2}', "\xff"])
def test_a_damaged_summary_is_named(folder, content):
    (folder.root / "done.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"the summary .*done.json cannot be read") as caught:
        folder.summary()
    assert "remove the folder of the phase" in caught.value.remedy


@pytest.mark.parametrize("line", ["[]", "5", "null", "{}", '{"loss": 1}', '{"step": "x"}', "[" * 5000, "\xff"])
def test_a_damaged_line_of_the_log_is_named_and_the_rest_is_read(folder, line, capsys):
    folder.log(1, {"loss": 4.0})
    with (folder.root / "log.jsonl").open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    folder.log(2, {"loss": 3.0})
    assert [entry["loss"] for entry in folder.lines()] == [4.0, 3.0]
    assert "log.jsonl, line 2 is damaged and left out" in capsys.readouterr().err

"""What a training says when it is over, and what stops it: each on one phase of the nano recipe."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")
pytest.importorskip("peft", reason="needs the optional dependencies fashionbench[models]")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from fashionbench.errors import BackendError, DataError
from fashionbench.locks import LockedError, locked
from fashionbench.plugins.manager import Plugins
from fashionbench.training.open_part import train
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.losses import matching_prior
from fashionbench_unifashion.model.unifashion import WEIGHTS, load
from fashionbench_unifashion.training import matching_watch

pytestmark = pytest.mark.slow

PHASES = ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")


def only(name, **fields):
    return {other: fields if other == name else None for other in PHASES}


def test_where_no_step_was_better_than_none_that_is_said(training, tmp_path, monkeypatch):
    # Of a training of two steps, each is enough to say something of matching, and whatever its loss is, it is chance.
    monkeypatch.setattr(matching_watch, "STEPS", 1)
    monkeypatch.setattr(matching_prior, "NEAR", 9.0)
    made = training(tmp_path / "t", phases=only("1a", steps=2, lr=1e-12, contrast_first=0.0))
    before = made.model.fingerprint()
    made.run()
    record = json.loads((tmp_path / "t" / "training.json").read_text())
    assert record["phases"]["1a"]["best step"] == 0
    assert json.loads((tmp_path / "t" / "phases" / "0-1a" / "done.json").read_text())["best step"] == 0
    assert load(tmp_path / "t" / "model").fingerprint() == before == record["weights"]
    assert any("1a: no step was better than none" in str(line) for line in made.context.say.__self__)
    assert any(str(line).startswith("1a, step 2: loss of matching: ") for line in made.context.say.__self__)
    assert "No step of 1a was better than none" in (tmp_path / "t" / "model" / "README.md").read_text()


def test_the_last_weights_are_kept_where_the_recipe_says_so(training, tmp_path):
    # The same steps as above, which make nothing better.
    made = training(tmp_path / "t", phases=only("1a", steps=2, lr=1e-12, keep="last"))
    made.run()
    assert json.loads((tmp_path / "t" / "phases" / "0-1a" / "done.json").read_text())["best step"] == 2


def test_where_something_was_learnt_the_step_is_named(trained):
    phases = json.loads((trained.out / "training.json").read_text())["phases"]
    learnt = {name: phase["best step"] for name, phase in phases.items()}
    assert any(learnt.values())
    for number, (name, step) in enumerate(learnt.items()):
        lines = [
            json.loads(line) for line in (trained.out / f"phases/{number}-{name}/log.jsonl").read_text().splitlines()
        ]
        held = {line["step"]: line["held/score"] for line in lines if "held/score" in line}
        assert held[step] == max(held.values()) == phases[name]["best"]
        assert step == min(at for at, score in held.items() if score == phases[name]["best"])


@pytest.fixture
def adapter(tmp_path):
    """An adapter beside the language model that it changes."""
    tokenizer = language_tokenizer.train(["a red dress with long sleeves", "a long blue shirt with buttons"] * 2, 200)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path / "base")
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    get_peft_model(base, config).save_pretrained(tmp_path / "adapter")
    tokenizer.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_a_model_from_an_adapter_loads_again(training, tmp_path, adapter):
    language = {"architecture": None, "source": str(adapter), "lora": None}
    made = training(tmp_path / "t", model={"changes": {"language": language}}, phases=only("1b-language", steps=1))
    made.run()
    loaded = load(tmp_path / "t" / "model")
    assert loaded.fingerprint() == made.model.fingerprint()
    assert not [name for name in loaded.state_dict() if "lora" in name]


def test_a_model_that_does_not_load_again_is_no_end(training, tmp_path, monkeypatch):
    made = training(tmp_path / "t", phases=only("1a", steps=1))
    save = made.model.save

    def damaged(folder, card=""):
        save(folder, card)
        state = load_file(folder / WEIGHTS)
        state["qformer.reference"] = state["qformer.reference"][:1].clone()
        save_file(state, folder / WEIGHTS)

    monkeypatch.setattr(made.model, "save", damaged)
    with pytest.raises(BackendError, match="cannot be loaded again: .*of another shape: qformer.reference"):
        made.run()
    assert not (tmp_path / "t" / "training.json").exists()
    assert not (tmp_path / "t" / "model" / "training.json").exists()

    def other(folder, card=""):
        save(folder, card)
        state = load_file(folder / WEIGHTS)
        save_file({**state, "qformer.reference": state["qformer.reference"] + 1}, folder / WEIGHTS)

    monkeypatch.setattr(made.model, "save", other)
    with pytest.raises(BackendError, match="has other weights, loaded again"):
        made.run()


def test_before_the_first_step_no_learning_rate_is_to_blame(training, tmp_path):
    made = training(tmp_path / "t", phases=only("1a", steps=2))
    with torch.no_grad():
        made.model.qformer.reference.fill_(float("nan"))
    with pytest.raises(BackendError, match="phase 1a, step 0: .*not finite") as caught:
        made.run()
    assert "nothing was learnt yet" in caught.value.remedy


def test_weights_of_a_phase_that_cannot_be_read_are_named(training, tmp_path):
    training(tmp_path / "t", phases=only("1a", steps=1)).run()
    folder = tmp_path / "t" / "phases" / "0-1a"
    summary = (folder / "done.json").read_text()
    for name, content, said in (("done.json", "{", "the summary"), ("trained.safetensors", "half", "the weights")):
        (folder / name).write_text(content)
        with pytest.raises(DataError, match=rf"{said} .*0-1a/{name} cannot be read"):
            training(tmp_path / "t", phases=only("1a", steps=1)).run()
        (folder / "done.json").write_text(summary)


def test_a_folder_in_which_a_training_works_is_refused(context, twin, tmp_path, monkeypatch):
    from fashionbench.data.roots import DataRoots

    plugins, given = Plugins(strict=True), context(tmp_path / "t")
    more = {"out": tmp_path / "t", "roots": DataRoots(named={"atelier": twin}), "device": "cpu",
            "reporter": given.reporter, "say": given.say}  # fmt: skip
    spec, config = plugins.trainers["unifashion-nano"], {"phases": only("1a", steps=1)}
    with locked(tmp_path / "t", "training"):
        with pytest.raises(LockedError, match="another training works in"):
            train(spec, config, plugins, **more)
        # The second of two processes of one training does not ask for the lock that the first holds.
        monkeypatch.setenv("RANK", "1")
        train(spec, config, plugins, **more)
    monkeypatch.delenv("RANK")
    assert train(spec, config, plugins, **more).model == tmp_path / "t" / "model"

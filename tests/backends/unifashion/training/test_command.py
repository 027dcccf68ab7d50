"""``fashionbench train``."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from transformers import BertConfig, BertModel

from fashionbench.cli.main import main
from fashionbench_unifashion.model.unifashion import load

FEW = {"vae": None, "1b-language": None, "1b-diffusion": None, "2": None, "try-on": None}


@pytest.fixture
def run(twin, capsys):
    def made(*words):
        code = main(["train", *map(str, words), "--data", f"atelier={twin}", "--device", "cpu"])
        output = capsys.readouterr()
        return code, output.out + output.err

    return made


@pytest.mark.slow
def test_a_file_names_a_trainer_and_changes_some_of_it(run, tmp_path):
    recipe = tmp_path / "mine.yaml"
    lines = ["trainer: unifashion-nano", "name: mine", "phases:"]
    lines += [f'  "{name}": null' for name in FEW] + ["  1a: {steps: 2}"]
    recipe.write_text("\n".join(lines))
    code, said = run(recipe, "--out", tmp_path / "out", "--set", "phases.1a.steps=3", "--set", "seed=5")
    assert code == 0
    assert "1a: held-out score: " in said and f"model: {tmp_path / 'out' / 'model'}" in said
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert (record["name"], record["recipe"]["seed"], record["recipe"]["phases"]["1a"]["steps"]) == ("mine", 5, 3)
    assert list(record["phases"]) == ["1a"]
    assert record["data"]["atelier/fashiongen-full"]["synthetic"] is True
    assert record["weights"] == load(tmp_path / "out" / "model").fingerprint()
    again, said = run(recipe, "--out", tmp_path / "out", "--set", "seed=6")
    assert again == 2
    assert "holds a training of another recipe, or of other data" in said and "--out" in said


@pytest.mark.slow
def test_a_folder_whose_training_never_began_takes_a_corrected_recipe(run, tmp_path):
    bert = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=9)
    BertModel(bert).save_pretrained(tmp_path / "bert")
    words = ["unifashion-nano", "--out", tmp_path / "out", "--set", f"model.changes.qformer.source={tmp_path / 'bert'}"]
    for name in FEW:
        words += ["--set", f"phases.{name}=null"]
    for corrected in ([], ["--set", "model.changes.qformer.hidden=32"]):
        code, said = run(*words, *corrected)
        assert code == 2
        assert "and the Q-Former " in said and "another recipe" not in said
    assert (tmp_path / "out" / "recipe.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["unifashion-nano", "--set", "phases.1a.colour=1"],
            "change does not fit: phases.1a.colour=1 is no field here",
        ),
        (["unifashion-nano", "--set", "phases.1a.lr=fast"], "phases.1a.lr=fast is 'fast', and must be a number"),
        (["unifashion-nano", "--set", "phases.new.lr=1"], "does not fit: phases.new.lr=1: phases.new.kind is missing"),
        (
            ["unifashion-nano", "--set", "model.changes.qformer.heads=x"],
            "qformer.heads=x is 'x', and must be a whole number",
        ),
        (["unifashion-nano", "--set", "seed"], "--set 'seed' is not NAME=VALUE"),
        (["unifashion-nano", "--set", "seed=1", "--set", "seed.a=1"], "seed has no fields"),
        (["unifashion-nano", "--set", "seed=[1"], "the value is not YAML"),
        (["unifashion-nanno"], "unifashion-nano"),
        (["there/is/none.yaml"], "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(run, tmp_path, words, said):
    code, output = run(*words, "--out", tmp_path / "out")
    assert code == 2
    assert said in " ".join(output.split())
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_no_training_on_another(capsys, tmp_path, twin, device):
    words = ["train", "unifashion-nano", "--data", f"atelier={twin}", "--out", str(tmp_path / "out")]
    assert main([*words, "--device", device]) == 2
    assert device in capsys.readouterr().err
    assert not (tmp_path / "out" / "phases").exists()


@pytest.mark.parametrize(
    ("content", "said"), [("a: [1", "is not YAML"), ("seed: 1", "names no trainer"), ("- 1", "holds no mapping")]
)
def test_a_file_that_is_no_recipe_is_refused(run, tmp_path, content, said):
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    code, output = run(path, "--out", tmp_path / "out")
    assert code == 2 and said in " ".join(output.split())


def test_a_dry_run_reads_no_data_and_writes_nothing(capsys, tmp_path):
    code = main(
        ["train", "unifashion-nano", "--dry-run", "--out", str(tmp_path / "out"), "--data", f"atelier={tmp_path}"]
    )
    said = capsys.readouterr()
    assert code == 0
    for name in ("1a", "1b-language", "try-on", "trainable", "frozen", "activations", "qformer"):
        assert name in said.out + said.err
    assert not (tmp_path / "out").exists()

"""Diagnosis of models by the folder of their weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from safetensors.torch import load_file

from fashionbench.api.diagnosis import diagnose
from fashionbench.data.roots import DataRoots
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part
from fashionbench_models import diagnosis
from fashionbench_models.training.examples import collect
from fashionbench_models.training.recipe import ClipRecipe

pytestmark = pytest.mark.slow


def test_an_untrained_model_has_other_weights_and_the_same_preprocessing(folder_of, tmp_path):
    folder = folder_of("clip")
    said = diagnosis.write_untrained(folder, tmp_path / "one", 1)
    diagnosis.write_untrained(folder, tmp_path / "two", 2)
    weights = [load_file(path / "model.safetensors") for path in (folder, tmp_path / "one", tmp_path / "two")]
    assert weights[0].keys() == weights[1].keys()
    name = "visual_projection.weight"
    assert not any((weights[a][name] == weights[b][name]).all() for a, b in ((0, 1), (1, 2), (0, 2)))
    for path in folder.iterdir():
        if path.suffix != ".safetensors" and path.name != "config.json":
            assert (tmp_path / "one" / path.name).read_bytes() == path.read_bytes()
    assert "seed 1" in said


def test_a_folder_alone_is_diagnosed_beside_its_untrained_model(folder_of, plugins):
    found = diagnose(folder_of("clip"), tasks=["toy/squares"], plugins=plugins)
    one = found.of("alignment")
    assert one.estimate is not None and one.untrained.estimate is not None
    assert one.estimate.value != one.untrained.estimate.value
    assert "new random weights" in one.untrained.what
    assert "score-pairs" in found.of("matching-auc").verdict.words
    assert "Nobody says what the model was trained on" in found.notes[0]
    assert not [one.id for one in found.measurements if one.id.endswith("-failed")]


def test_another_backend_than_the_folders_has_no_untrained_model(folder_of, plugins):
    found = diagnose(folder_of("clip"), backend="toy/colour", tasks=["toy/squares"], plugins=plugins)
    assert found.of("alignment").untrained.estimate is None
    assert "toy/colour is not given the folder" in found.of("alignment").untrained.what


def test_what_the_trainer_held_out_is_what_is_asked_about(folder_of, plugins, tmp_path):
    folder = shutil.copytree(folder_of("clip"), tmp_path / "model")
    recipe = ClipRecipe(pairs=("toy/squares",), held_out=0.5)
    record = {"recipe": {"held_out": 0.5}, "data": {"toy/squares": {}}}
    (folder / "training.json").write_text(json.dumps(record))
    # The task measures what it trains on, which a trainer would leave out.
    squares = replace(open_part("toy/squares", plugins, DataRoots()), evaluated=frozenset())
    given = TrainingContext(tmp_path, lambda name: squares, "cpu", Silent(), print)
    examples = collect(recipe, given)
    described = diagnosis.describe(folder)
    kept = diagnosis.held_out(folder)
    assert described.tasks == ("toy/squares",)
    assert {one.product for one in examples.held} == {
        one.product for one in (*examples.held, *examples.train) if kept(one.product)
    }
    assert examples.held and examples.train


def test_a_folder_of_another_kind_is_left_to_others(tmp_path):
    assert diagnosis.describe(tmp_path) is None

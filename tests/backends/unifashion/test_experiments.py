"""The paper's experiments as files: each runs on the twin in the real sets' layouts, by the data root alone."""

from __future__ import annotations

import json
from importlib import resources

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import yaml

from fashionbench import api
from fashionbench.cli.main import main
from fashionbench.runner.config import load_config, matching
from fashionbench_unifashion.model.config import overlaid, preset
from fashionbench_unifashion.training.recipe import load_recipe

FOLDER = resources.files("fashionbench_unifashion") / "experiments"
TRAININGS = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith("-train.yaml"))
RUNS = sorted(path.name for path in FOLDER.iterdir() if not path.name.endswith("-train.yaml"))

#: A size for tests, and few steps; the rest is what the file says.
SMALL = {
    "1a": "{kind: contrastive, steps: 2, batch: 4}",
    "1b-language": "{kind: language, steps: 1, batch: 2}",
    "1b-diffusion": "{kind: image, steps: 1, batch: 2}",
    "2": "{kind: composed, steps: 1, batch: 4}",
    "try-on": "{kind: try_on, steps: 1, batch: 2}",
}


def fields(name):
    return yaml.safe_load((FOLDER / name).read_text())


def recipe(name):
    changes = fields(name)
    return load_recipe(changes.pop("trainer"), changes)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_is_the_papers_but_for_what_it_leaves_out(name):
    made, paper = recipe(name), load_recipe("unifashion-paper", {})
    assert all(phase == paper.phases[key] for key, phase in made.phases.items())
    assert made.name != "unifashion-paper"
    config = preset(made.model.preset, overlaid(made.model.changes, made.model.weights))
    kinds = {phase.kind for phase in made.phases.values()}
    assert ("language" in kinds) == (config.language is not None) or "composed" not in kinds
    assert ("image" in kinds) == (config.diffusion is not None)


def test_the_ablation_has_the_parts_of_its_rows():
    rows = {}
    for name in ("base", "language", "diffusion"):
        made = recipe(f"ablation-{name}-train.yaml")
        config = preset("paper", overlaid(made.model.changes, made.model.weights))
        rows[name] = (config.language is not None, config.diffusion is not None)
    assert rows == {"base": (False, False), "language": (True, False), "diffusion": (True, True)}
    asked = [
        (choice["options"]["model"], choice["options"].get("use")) for choice in fields("ablation.yaml")["backends"]
    ]
    assert asked == [
        ("models/ablation-base/model", None),
        ("models/ablation-language/model", "without-captions"),
        ("models/ablation-language/model", None),
        ("models/ablation-diffusion/model", None),
    ]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_names_tasks_and_models_that_a_training_writes(name, plugins):
    config = load_config(str(FOLDER / name), plugins)
    for task in config.tasks:
        assert matching(task, plugins.tasks) == [task]
        assert not plugins.tasks[task].dataset.startswith("atelier")
    written = {f"models/{training.removesuffix('-train.yaml')}/model" for training in TRAININGS}
    assert {choice.options["model"] for choice in config.backends} <= written


@pytest.fixture(scope="module")
def train(twin, tmp_path_factory):
    """A function that trains from a file, once; all that changes is where data sets are looked for."""
    folders = {}

    def once(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            changes = [f"phases.{key}={SMALL[key]}" for key in recipe(name).phases]
            options = ["model.preset=nano", "limit=8", "images_each=1", "held_out=0.2", *changes]
            sets = [word for option in options for word in ("--set", option)]
            assert main(["train", str(FOLDER / name), "--out", str(folders[name]), "--device", "cpu", *sets]) == 0
        return folders[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASHIONBENCH_DATA", str(twin))
        yield once


@pytest.mark.acceptance
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_runs_on_the_twin_by_the_data_root_alone(name, train):
    record = json.loads((train(name) / "training.json").read_text())
    changed = recipe(name)
    assert list(record["phases"]) == list(changed.phases)
    named = {task for tasks in changed.data.model_dump().values() for task in tasks}
    assert record["data"].keys() == named
    # The folders are the twin's, and say so.
    assert all(one["synthetic"] and not one["dataset"].startswith("atelier") for one in record["data"].values())
    assert "language" in record["parameters"] or "1b-language" not in changed.phases
    assert record["examples"]["left out because they are evaluated"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("training", "run"), [("retrieval-train.yaml", "retrieval.yaml"), ("cir-train.yaml", "cir.yaml")]
)
def test_a_run_measures_what_was_trained(training, run, train, plugins, store):
    folder = train(training)
    wanted = fields(run)
    # The small twin has no 100 products of a category.
    wanted["tasks"] = [task for task in wanted["tasks"] if "100" not in task]
    for choice in wanted["backends"]:
        choice["options"]["model"] = str(folder / "model")
    records = api.run({**wanted, "limit": 5, "device": "cpu"}, plugins=plugins, store=store)
    assert len(records) == len(wanted["backends"]) * len(wanted["tasks"])
    assert [record.error for record in records] == [None] * len(records)
    assert all(record.metrics for record in records)

"""The whole command on a trained nano model: every family, the page and the JSON beside it."""

from __future__ import annotations

import json
import re

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench.cli.main import main
from fashionbench.diagnostics.diagnosis import GROUPS
from fashionbench_unifashion.diagnosis.description import describe, held_out
from fashionbench_unifashion.training.held_out import is_held_out

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(trained, twin, tmp_path_factory):
    """What the command wrote of the folder of a training, and what it printed."""
    out = tmp_path_factory.mktemp("diagnosis")
    words = [str(trained.out), "--data", f"atelier={twin}", "--limit", "6", "--seed", "3", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)
        assert main(["diagnose", *words]) == 0
    return out


def test_every_family_is_measured_or_says_why_it_is_not(written):
    found = json.loads((written / "diagnosis.json").read_text())
    assert {one["group"] for one in found["measurements"]} == set(GROUPS)
    assert not [one["id"] for one in found["measurements"] if one["id"].endswith("-failed")]
    for one in found["measurements"]:
        assert one["verdict"]["words"], one["id"]
        assert (one["estimate"] is None) == (one["verdict"]["level"] == "absent"), one["id"]
    assert {"queries-moved", "cka-diffusion", "condition-left-out", "plain-text", "matching-loss"} <= {
        one["id"] for one in found["measurements"]
    }


def test_it_says_what_was_asked_and_only_of_what_the_training_held_out(written, trained):
    facts = json.loads((written / "diagnosis.json").read_text())["facts"]
    assert facts["seed"] == 3 and facts["limit"] == 6 and facts["backend"] == "unifashion"
    assert set(facts["tasks"]) == set(trained.examples.parts)
    assert facts["options"]["model"]["content"].startswith("sha256:")
    assert str(trained.out) not in json.dumps(facts)


def test_the_page_shows_each_measurement_with_its_plot_and_loads_nothing(written):
    page = (written / "diagnosis.html").read_text()
    found = json.loads((written / "diagnosis.json").read_text())
    for one in found["measurements"]:
        (article,) = re.findall(rf'<article class="one" id="{re.escape(one["id"])}">.*?</article>', page, re.DOTALL)
        assert ("<svg" in article) == (one["estimate"] is not None), one["id"]
    assert not re.findall(r'(?:src|href)="(?!#)', page) and "<script" not in page
    assert all(fault["fault"] in page for fault in found["faults"])


def test_held_out_products_are_those_that_the_training_did_not_learn_from(trained, nano_sample):
    learnt = {example.product for example in trained.examples.pairs}
    asked = {pair.product for task in nano_sample.tasks for pair in task.held}
    assert asked and not asked & learnt
    assert {pair.product for task in nano_sample.tasks for pair in task.learnt} & learnt


@pytest.mark.parametrize(
    ("part", "capability"), [("language", "caption"), ("diffusion", "try-on"), ("diffusion", "design")]
)
def test_a_model_without_a_generator_lacks_what_the_generator_does(part, capability, trained, tmp_path):
    config = json.loads((trained.result.model / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, part: None}))
    assert describe(tmp_path).lacks[capability] == f"the model has no {part} model"
    assert capability not in describe(trained.result.model).lacks
    assert describe(trained.result.model).tasks and describe(tmp_path).tasks == ()


def test_what_the_recipe_says_of_instructions_and_of_what_was_held_out_is_read(trained, tmp_path):
    record = json.loads((trained.result.model / "training.json").read_text())
    record["recipe"] |= {"instruction": "Describe.", "seed": 4, "held_out": 0.5}
    (tmp_path / "training.json").write_text(json.dumps(record))
    (tmp_path / "config.json").write_text((trained.result.model / "config.json").read_text())
    assert (
        describe(tmp_path).trained_instruction == "Describe."
        and describe(trained.result.model).trained_instruction == ""
    )
    kept = held_out(tmp_path)
    assert [kept(str(at)) for at in range(30)] == [is_held_out(str(at), 4, 0.5) for at in range(30)]

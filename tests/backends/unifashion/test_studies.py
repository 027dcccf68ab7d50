"""Ready studies are studies, their recipes hold, and one is run at the smallest size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.api.studies import find_study
from fashionbench.runner.plan import make_plan
from fashionbench.studies.study import variants
from fashionbench_unifashion.studies import SUMMARIES
from fashionbench_unifashion.training.recipe import load_recipe

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "paper-claims.md"
NAMES = [f"unifashion-{name}" for name in SUMMARIES]


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_has_a_recipe_that_holds_and_cells_of_its_own(name, plugins):
    study = find_study(name, plugins)
    assert study.id == name
    assert len(study.seeds) >= 3
    cells = set()
    for variant in variants(study):
        plan = make_plan(variant.run(study, 0), plugins)
        assert {cell.task.id for cell in plan.cells} == set(study.tasks)
        assert not plan.not_applicable
        for training in plan.trainings:
            recipe = load_recipe(training.trainer.id, training.config)
            assert recipe.seed == 0
            # A phase that is left out is gone, and a loss that is left out counts for nothing.
            for field, value in variant.training.items():
                if field.startswith("phases.") and value is None:
                    assert field.removeprefix("phases.") not in recipe.phases
        cells |= {(cell.identity.cell_id(""), training.id({})) for cell in plan.cells for training in plan.trainings}
    assert len(cells) == len(variants(study)) * len(study.tasks)


def test_the_page_on_the_papers_claims_names_every_study_and_counts_its_models(plugins):
    page = PAGE.read_text(encoding="utf-8")
    trained = {
        name: {
            training.id({})
            for variant in variants(study)
            for training in make_plan(variant.run(study, 0), plugins).trainings
        }
        for name in NAMES
        for study in [find_study(name, plugins)]
    }
    counted = {}
    for names, count, own in re.findall(r"^\| (`unifashion-.*`) \| (\d+) \| (\d+) \|$", page, re.MULTILINE):
        group = re.findall(r"`(.+?)`", names)
        others = set().union(*(models for name, models in trained.items() if name not in group))
        assert all(len(trained[name] - others) == int(own) for name in group)
        counted |= dict.fromkeys(group, int(count))
    assert counted == {name: len(models) for name, models in trained.items()}
    assert f"| {len(set().union(*trained.values()))} | |" in page


def small(study, twin):
    """The study at the smallest size: models of a few weights, three steps a phase, one seed."""
    left_out = {"phases.vae": None, "phases.1b-diffusion": None}
    base = study.base.model_copy(update={"trainer": "unifashion-nano", "training": study.base.training | left_out})
    changes = {"base": base, "seeds": (0,), "tasks": study.tasks[-1:], "metrics": (), "device": "cpu"}
    return study.model_copy(update={**changes, "data": {"atelier": str(twin)}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One store for all studies: what they share is trained once."""
    return tmp_path_factory.mktemp("studies")


@pytest.mark.acceptance
@pytest.mark.parametrize("name", NAMES)
def test_a_ready_study_runs_at_the_smallest_size(name, folder, pytestconfig, plugins):
    study = small(find_study(name, plugins), cached_twin(pytestconfig))
    # Alone, for three of its variants are one model, which no other study has.
    own = folder / name if name == "unifashion-components" else folder
    made = fashionbench.ablate(study, store=own)
    assert made.failures == ()
    # The small base has no phase 1b-diffusion, so the variant without it is the base, which is no comparison.
    same = 1 if name == "unifashion-phases" else 0
    assert made.units == (len(variants(study)) - same,) * 2
    assert all(effect.difference is not None for effect in made.effects)
    assert made.costs["base"].training_seconds is not None
    if own != folder:
        # One model is asked in three ways; without generators and with either one there are three more.
        assert len(list((own / "models").iterdir())) == 4

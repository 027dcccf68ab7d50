"""An ablation runs each variant with each seed once, and says what each change does."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
import yaml
from timeless_records import timeless_store

import fashionbench
from fashionbench.api.studies import preview_study, render_ablation
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.schema import ErrorPart
from fashionbench.records.store import Store
from fashionbench.seeding import seed_of
from fashionbench.statistics.against_base import base_tests
from fashionbench.studies.ablation import effects_of
from fashionbench.studies.distinct import distinct
from fashionbench.studies.item_values import item_values
from fashionbench.studies.study import Study

STUDY = {
    "id": "colours",
    "title": "What <colour> is worth",
    "base": {"backend": "control/random"},
    "tasks": ["wardrobe/image-to-image"],
    "metrics": ["mrr", "hit@5"],
    "seeds": [0, 1, 2],
    "device": "cpu",
    "axes": {
        "dimension": {"options.dimension": [64]},
        "system": [{"label": "colour", "set": {"backend": "baseline/colour-histogram"}}],
    },
}
COLOUR = ("baseline/colour-histogram", None)
STUDY_MADE = Study.model_validate(STUDY)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("ablation") / "store"


@pytest.fixture(scope="module")
def made(store):
    return fashionbench.ablate(STUDY, store=store)


@pytest.mark.slow
def test_an_executor_runs_the_variants_side_by_side_to_the_same_effects(made, store, tmp_path):
    executor = {"id": "local", "options": {"workers": 2}}
    other = fashionbench.ablate(STUDY, store=tmp_path, executor=executor)
    assert timeless_store(Store(tmp_path)) == timeless_store(Store(store))
    assert (other.units, other.failures, other.equal) == (made.units, made.failures, made.equal)

    def said(one):  # intervals are drawn by ids of records, which hold the time
        differences = [(e.variant.name, e.metric, e.verdict, e.difference) for e in one.effects]
        return [(*names, d.difference, d.n, d.wins, d.ties, d.losses) for *names, d in differences]

    assert said(other) == said(made)


def test_one_run_of_all_variants_has_a_cell_for_each(made, plugins):
    from fashionbench.runner.config import ExecutorChoice
    from fashionbench.runner.plan import make_plan
    from fashionbench.studies.ablation import run_together, units_of

    systems = distinct(STUDY_MADE, plugins)
    units = units_of(STUDY_MADE, systems)

    def keys(config):
        return [cell.key for cell in make_plan(config, plugins).cells]

    asked = []

    def run(config):
        asked.append(config)
        return keys(config)

    found = run_together(units, STUDY_MADE, ExecutorChoice(), run, keys)
    assert len(asked) == 1 and len(set(keys(asked[0]))) == len(units) == 9
    assert found == {(v.name, seed): keys(v.run(STUDY_MADE, seed)) for v, seed in units}
    assert run_together([], STUDY_MADE, ExecutorChoice(), run, keys) == {}


def test_two_trainings_of_one_backend_are_two_cells(plugins):
    from fashionbench.runner.config import make_config
    from fashionbench.runner.plan import make_plan

    choices = [{"id": "unifashion", "training": {"trainer": "unifashion-tiny", "changes": {"seed": s}}} for s in (0, 1)]
    config = make_config({"tasks": ["wardrobe/text-to-image"], "backends": choices})
    plan = make_plan(config, plugins)
    assert (len(plan.cells), len(plan.trainings)) == (2, 2)


def by_variant(made, metric):
    return {effect.variant.name: effect for effect in made.effects if effect.metric == metric}


def test_effects_are_differences_of_the_means_over_seeds(made, store):
    found = by_variant(made, "mrr")
    assert list(found) == ["dimension: 64", "system: colour"]

    def mean(backend, **options):
        own = [
            record.metric("mrr").value
            for record in fashionbench.load_records(store)
            if record.backend.id == backend and options.items() <= record.backend.options.items()
        ]
        assert len(own) == 3
        return sum(own) / 3

    base = mean("control/random", dimension=256)
    colour = found["system: colour"].difference
    assert colour.difference == pytest.approx(mean("baseline/colour-histogram") - base, abs=1e-12)
    other = found["dimension: 64"].difference
    assert other.difference == pytest.approx(mean("control/random", dimension=64) - base, abs=1e-12)
    assert found["system: colour"].verdict == "better"
    assert found["dimension: 64"].verdict == "not told apart"


def test_p_values_are_adjusted_over_the_variants_together(made, store, plugins):
    by_name = by_variant(made, "mrr")
    records = [r for r in fashionbench.load_records(store) if r.error is None]
    sides = {}
    for record in records:
        key = record.backend.id, record.backend.options.get("dimension")
        sides.setdefault(key, []).append(record)
    base, random, colour = (sides[key] for key in (("control/random", 256), ("control/random", 64), COLOUR))
    values = [[item_values(r, "mrr", Store(store), plugins) for r in side] for side in (base, random, colour)]
    rows = [np.stack([one.values for one in side]) for side in values]
    seed = seed_of("ablation", *sorted(r.record_id for side in (base, random, colour) for r in side), "mrr")
    joint = base_tests(rows[0], rows[1:], clusters=values[0][0].clusters, seed=seed).p_values
    alone = {
        name: fashionbench.compare(base, side, store=store, metrics=["mrr"]).differences[0].p_value
        for name, side in (("dimension: 64", random), ("system: colour", colour))
    }
    for name, p_value in zip(alone, joint, strict=True):
        assert by_name[name].difference.p_value == max(p_value, alone[name])
        assert by_name[name].adjustment.startswith("max-T step-down")
    assert "task and metric: max-T step-down/" in render_ablation(made, "markdown")


def test_a_variant_that_is_the_base_is_named_and_costs_no_other_one_its_p_value(made, store):
    """256 is the default of the option, which the base leaves at that."""
    axes = {**STUDY["axes"], "dimension": {"options.dimension": [64, 256]}, "same": {"backend": ["control/random"]}}
    more = fashionbench.ablate({**STUDY, "axes": axes}, store=store)
    assert more.equal == ("dimension: 256", "same: control/random")
    assert more.units == made.units
    assert [effect.difference for effect in more.effects] == [effect.difference for effect in made.effects]
    for text in (render_ablation(more, "markdown"), render_ablation(more, "html")):
        assert "Not compared, for it is the base: dimension: 256, same: control/random." in text
    assert json.loads(render_ablation(more, "json"))["equal_to_base"] == list(more.equal)
    assert "Not compared" not in render_ablation(made, "markdown")


def test_variants_that_are_one_system_or_all_the_base_are_refused_before_the_first_run(tmp_path):
    for axes, words in (
        ({"a": {"options.dimension": [16]}, "b": {"options.dimension": [16]}}, "b: 16 and a: 16 are the same"),
        ({"a": {"options.dimension": [256]}}, "nothing differs from the base: a: 256"),
        ({"a": {"options.dimensions": [16]}}, "control/random has no option dimensions"),
    ):
        for start in (fashionbench.ablate, preview_study):
            with pytest.raises(ConfigError, match=words):
                start({**STUDY, "axes": axes}, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_trainer_that_tells_its_configuration_shows_what_a_change_comes_to(plugins):
    fields = {"id": "s", "base": {"backend": "unifashion", "trainer": "unifashion-nano"}, "seeds": [0]}
    text = resources.files("fashionbench_unifashion").joinpath("recipes", "unifashion-nano.yaml").read_text("utf-8")
    written = yaml.safe_load(text)["phases"]["1a"]["batch"]
    axes = {"batch": {"training.phases.1a.batch": [written, written + 1]}}
    study = Study.model_validate({**fields, "tasks": ["atelier/fashion-iq-original"], "axes": axes})
    systems = distinct(study, plugins)
    assert [one.name for one in systems.equal] == [f"batch: {written}"]
    assert [one.name for one in systems.every] == ["base", f"batch: {written + 1}"]


def test_a_second_run_reuses_every_record(made, store):
    before = sorted((store / "records").rglob("*.json"))
    again = fashionbench.ablate(STUDY, store=store)
    assert sorted((store / "records").rglob("*.json")) == before
    assert [effect.difference for effect in again.effects] == [effect.difference for effect in made.effects]
    assert made.units == again.units == (9, 9)


def test_two_seeds_name_no_winner(store, made):
    few = fashionbench.ablate({**STUDY, "seeds": [0, 1]}, store=store)
    assert {effect.verdict for effect in few.effects} == {"too few seeds"}


def test_shards_in_one_store_give_the_whole(made, tmp_path):
    for number in (1, 2):
        part = fashionbench.ablate(STUDY, store=tmp_path, shard=(number, 2)) if number == 1 else None
        assert part is None or part.units[0] == 5
    with pytest.raises(ConfigError, match="the base has no records"):
        fashionbench.ablate({**STUDY, "seeds": [7, 8]}, store=tmp_path / "other", shard=(2, 6))
    whole = fashionbench.ablate(STUDY, store=tmp_path)
    assert [e.difference.difference for e in whole.effects] == [e.difference.difference for e in made.effects]


def test_a_variant_that_fails_is_named_and_the_others_stand(store, tmp_path):
    broken = {**STUDY, "axes": {"memory": {"options.dimension": [0]}, **STUDY["axes"]}}
    made = fashionbench.ablate(broken, store=store)
    assert any(failure.startswith("memory: 0: wardrobe/image-to-image, seed 0") for failure in made.failures)
    found = by_variant(made, "mrr")
    message = next(r.error.message for r in fashionbench.load_records(store) if r.error is not None)
    assert found["memory: 0"].reason == f"its run failed: {message}"
    assert (made.units, made.failed) == ((9, 12), 3)
    text = render_ablation(made, "markdown")
    assert "9 of 12 runs are done, 3 failed." in text
    assert "its run failed: " in text
    assert json.loads(render_ablation(made, "json"))["runs"] == {"done": 9, "failed": 3, "all": 12}
    assert found["system: colour"].verdict == "better"


def test_a_variant_that_fails_with_one_seed_is_compared_on_the_others_and_counted(made, store):
    systems = distinct(STUDY_MADE, Plugins())
    records = {(v.name, seed): [] for v in systems.every for seed in STUDY_MADE.seeds}
    for record in fashionbench.load_records(store):
        variant = {"baseline/colour-histogram": "system: colour"}.get(record.backend.id)
        variant = variant or {256: "base", 64: "dimension: 64"}.get(record.backend.options["dimension"])
        if variant is not None:
            records[variant, record.decoding.seed].append(record)
    (fine,) = records["system: colour", 2]
    error = ErrorPart(type="ValueError", message="out of luck")
    records["system: colour", 2] = [fine.model_copy(update={"status": "error", "error": error, "predictions": None})]
    del records["dimension: 64", 0], records["dimension: 64", 1], records["dimension: 64", 2]
    found = effects_of(STUDY_MADE, systems, records, Store(store), Plugins())
    assert (found.units, found.failed) == ((5, 9), 1)
    effects = by_variant(found, "mrr")
    assert effects["system: colour"].difference.seeds == (3, 2)
    assert effects["dimension: 64"].reason == "it was not run"


@pytest.mark.parametrize("wrong", [["mmr"], ["mrr", "hit@5 "], ["bleu-4"]])
def test_a_metric_that_no_task_has_ends_before_the_first_run(tmp_path, wrong):
    study = {**STUDY, "metrics": wrong}
    for start in (fashionbench.ablate, preview_study):
        with pytest.raises(ConfigError, match=rf"ever measures '{wrong[-1]}'") as raised:
            start(study, store=tmp_path / "store")
        assert "wardrobe/image-to-image has hit@1, " in raised.value.remedy
    assert ("did you mean mrr?" in raised.value.message) == (wrong == ["mmr"])
    assert not (tmp_path / "store").exists()


def test_formats_hold_the_effects_and_escape_titles(made):
    text = f"{100 * made.effects[0].difference.difference:+.1f}".replace("-", "−")
    assert text in render_ablation(made, "markdown")
    page = render_ablation(made, "html")
    assert text in page
    assert "<svg" in page
    assert "<colour>" not in page
    read = json.loads(render_ablation(made, "json"))
    assert read["effects"][0]["difference"]["difference"] == made.effects[0].difference.difference
    assert read["runs"] == {"done": 9, "failed": 0, "all": 9}


def test_the_command_previews_runs_and_writes(store, made, tmp_path, capsys):
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    words = ["ablate", str(path), "--store", str(store)]
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "9 runs" in out
    assert "cost: about 0 s" in out
    assert main([*words, "--output", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").is_file()
    assert main([*words, "--set", "options.dimension=8,32", "--seed", "0", "--dry-run"]) == 0
    assert "dimension: 32" in capsys.readouterr().out
    assert main([*words, "--shard", "x"]) == 2
    assert main(["ablate", str(tmp_path / "none.yaml")]) == 2

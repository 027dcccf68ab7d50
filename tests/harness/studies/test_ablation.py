"""An ablation runs each variant with each seed once, and says what each change does."""

from __future__ import annotations

import json

import pytest

import fashionbench
from fashionbench.api.studies import preview_study, render_ablation
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.schema import ErrorPart
from fashionbench.records.store import Store
from fashionbench.studies.ablation import effects_of
from fashionbench.studies.study import Study, variants

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
STUDY_MADE = Study.model_validate(STUDY)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("ablation") / "store"


@pytest.fixture(scope="module")
def made(store):
    return fashionbench.ablate(STUDY, store=store)


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


def test_p_values_are_adjusted_over_the_variants(made, store):
    by_name = by_variant(made, "mrr")
    records = fashionbench.load_records(store)
    base = [r for r in records if r.backend.options.get("dimension") == 256]
    colour = [r for r in records if r.backend.id == "baseline/colour-histogram"]
    alone = fashionbench.compare(base, colour, store=store, metrics=["mrr"]).differences[0].p_value
    # The smaller of two p-values is doubled.
    assert by_name["system: colour"].difference.p_value == pytest.approx(2 * alone, rel=1e-6)


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
    records = {(v.name, seed): [] for v in variants(STUDY_MADE) for seed in STUDY_MADE.seeds}
    for record in fashionbench.load_records(store):
        variant = {"baseline/colour-histogram": "system: colour"}.get(record.backend.id)
        variant = variant or {256: "base", 64: "dimension: 64"}.get(record.backend.options["dimension"])
        if variant is not None:
            records[variant, record.decoding.seed].append(record)
    (fine,) = records["system: colour", 2]
    error = ErrorPart(type="ValueError", message="out of luck")
    records["system: colour", 2] = [fine.model_copy(update={"status": "error", "error": error, "predictions": None})]
    del records["dimension: 64", 0], records["dimension: 64", 1], records["dimension: 64", 2]
    found = effects_of(STUDY_MADE, records, Store(store), Plugins())
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
    import yaml

    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY))
    words = ["ablate", str(path), "--store", str(store)]
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "9 runs" in out
    assert "cost: about 0 min" in out
    assert main([*words, "--output", str(tmp_path / "a.html")]) == 0
    assert (tmp_path / "a.html").is_file()
    assert main([*words, "--set", "options.dimension=8,32", "--seed", "0", "--dry-run"]) == 0
    assert "dimension: 32" in capsys.readouterr().out
    assert main([*words, "--shard", "x"]) == 2
    assert main(["ablate", str(tmp_path / "none.yaml")]) == 2

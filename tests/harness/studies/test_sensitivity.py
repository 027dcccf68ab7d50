"""Values under every variant from what is stored, against values that the model gave."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import toy_plugin
import variant_tasks
from hypothesis import given
from hypothesis import strategies as st

from fashionbench import Store, api
from fashionbench.api.sensitivity import sensitivity
from fashionbench.cli.main import main
from fashionbench.errors import ConfigError
from fashionbench.runner import stored_gallery
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.studies import sensitivity_text
from fashionbench.studies.sensitivity import Measured, Sensitivity, System, Variant, mean_over_seeds, variants_of


@pytest.fixture
def variants(plugins):
    variant_tasks.register(plugins)
    return plugins


def no_model(*arguments, **more):
    raise AssertionError("the model was built or asked")


@pytest.fixture
def absent(monkeypatch):
    """A function after which no model can be built or asked."""

    def take_away():
        for name in ("__init__", "encode_images", "encode_texts", "fingerprint"):
            monkeypatch.setattr(toy_plugin.Colour, name, no_model)
        monkeypatch.setattr(toy_plugin.Learner, "fit", no_model)

    return take_away


def told(found, label):
    (variant,) = [variant for variant in found.variants if variant.label == label]
    return dict(zip([system.label for system in found.systems], variant.values, strict=True))


@pytest.mark.parametrize("backend", ["toy/colour", "toy/learner"])
@pytest.mark.parametrize("benchmark", ["names", "pictures"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_variant_from_stored_embeddings_has_the_value_that_the_model_gives(
    backend, benchmark, dtype, variants, store, tmp_path, monkeypatch, absent
):
    if dtype == "float16":  # rows of files, too
        monkeypatch.setattr(stored_gallery, "LARGE", 1)
    base, few, fields = f"toy/{benchmark}", f"toy/{benchmark}-few", {"backends": backend, "embedding_dtype": dtype}
    truth = api.run({**fields, "tasks": few}, plugins=variants, store=Store(tmp_path / "truth"))[0]
    record = api.run({**fields, "tasks": base}, plugins=variants, store=store)[0]
    before = sorted(path.name for path in (store.root / "records").rglob("*"))
    absent()
    found = sensitivity(base, metric="mrr", store=store, plugins=variants)
    label = backend if dtype == "float32" else f"{backend} (embedding_dtype={dtype})"
    assert told(found, base)[label] == Measured(record.metric("mrr").value, "record")
    value = told(found, few)[label]
    assert (value.value, value.source) == (pytest.approx(truth.metric("mrr").value, abs=1e-12), "embeddings")
    assert value.value != record.metric("mrr").value
    assert sorted(path.name for path in (store.root / "records").rglob("*")) == before


def test_tie_rules_come_from_predictions_alone(variants, store, absent):
    """A constant ties all eight: at best the first, at worst the last, on average in the middle."""
    fields = {"tasks": "toy/names", "backends": "control/constant"}
    api.run({**fields, "embedding_cache": False}, plugins=variants, store=store)
    absent()
    found = sensitivity("toy/names", metric="median-rank", store=store, plugins=variants)
    ranks = {label: told(found, label)["control/constant"].value for label in (v.label for v in found.variants[:3])}
    assert ranks == {"toy/names": 4.5, "toy/names, ties pessimistic": 8.0, "toy/names, ties optimistic": 1.0}
    assert found.variants[1].differs == {"tie_rule": ("pessimistic", "expected")}


def test_what_only_the_model_could_answer_is_named(variants, store, absent):
    api.run({"tasks": "toy/names", "backends": "toy/colour"}, plugins=variants, store=store)
    absent()
    found = sensitivity("toy/names", metric="mrr", store=store, plugins=variants)
    assert told(found, "toy/names-capitals")["toy/colour"].reason == "embeddings of texts as candidate are not stored"
    assert any(
        "toy/names-capitals: no value of toy/colour: embeddings" in line for line in sensitivity_text.lines(found)
    )


def test_a_variant_that_was_run_has_the_value_of_its_record(variants, store):
    api.run({"tasks": ["toy/names", "toy/names-few"], "backends": "toy/colour"}, plugins=variants, store=store)
    (store.cache / FILE).unlink()
    found = sensitivity("toy/names", metric="mrr", store=store, plugins=variants)
    (record,) = [r for r in api.load_records(store, plugins=variants) if r.task.id == "toy/names-few"]
    assert told(found, "toy/names-few")["toy/colour"] == Measured(record.metric("mrr").value, "record")


def test_embeddings_of_other_weights_are_not_taken_for_those_of_the_record(variants, store, monkeypatch):
    """The weights of a backend changed, and another task was run since, under the same name and options."""
    api.run({"tasks": "toy/names", "backends": "toy/colour"}, plugins=variants, store=store)
    monkeypatch.setattr(toy_plugin.Colour, "fingerprint", lambda self: "colour/2")
    monkeypatch.setattr(toy_plugin.Colour, "_vector", staticmethod(lambda rgb: np.append(rgb[[0, 0, 1]], 9.0)))
    api.run({"tasks": "toy/names", "backends": "toy/colour", "limit": 8}, plugins=variants, store=store)
    found = sensitivity("toy/names", metric="mrr", store=store, plugins=variants)
    assert "they are of other weights" in told(found, "toy/names-few")["toy/colour"].reason


def test_imported_rankings_have_other_tie_rules_and_no_other_gallery(variants, store, tmp_path):
    answers = {f"image-{name}": [f"text-{other}" for other in toy_plugin.COLOURS] for name in toy_plugin.COLOURS}
    (tmp_path / "r.json").write_text(json.dumps(answers), encoding="utf-8")
    api.score("toy/names", tmp_path / "r.json", name="mine", store=store, plugins=variants)
    found = sensitivity("toy/names", metric="mrr", store=store, plugins=variants)
    assert told(found, "toy/names, ties optimistic")["imported/mine"].value is not None
    assert "imported" in told(found, "toy/names-few")["imported/mine"].reason


def test_seeds_of_one_system_are_one_system_with_the_mean_of_their_values(variants, store):
    fields = {"tasks": "toy/names", "backends": ["toy/colour", "toy/learner"], "seeds": [0, 1]}
    records = api.run(fields, plugins=variants, store=store)
    found = sensitivity("toy/names", metric="mrr", backends=["*/learner"], store=store, plugins=variants)
    assert [(system.label, system.seeds) for system in found.systems] == [("toy/learner, mean of 2 seeds", 2)]
    own = [record.metric("mrr").value for record in records if record.backend.id == "toy/learner"]
    assert len(own) == 2
    assert found.variants[0].values[0].value == pytest.approx(sum(own) / 2)
    assert found.movement(found.variants[1]).pairs == 0  # two seeds are not two systems to order
    both = sensitivity("toy/names", metric="mrr", store=store, plugins=variants)
    assert len(both.systems) == 2
    assert both.movement(both.variants[1]).pairs <= 1
    with pytest.raises(ConfigError, match="no whole record of toy/names of toy/nobody"):
        sensitivity("toy/names", backends=["toy/nobody"], store=store, plugins=variants)


def test_a_system_one_seed_of_which_has_no_value_has_none():
    assert mean_over_seeds({0: Measured(0.2, "record"), 3: Measured(0.6, "record")}) == Measured(0.4, "record")
    assert mean_over_seeds({0: Measured(0.2, "record"), 3: Measured(reason="lost")}) == Measured(reason="seed 3: lost")
    assert mean_over_seeds({3: Measured(reason="lost")}) == Measured(reason="lost")


def built(base, other, *, higher=True, controls=()):
    systems = tuple(System(f"s{at}", at in controls) for at in range(len(base)))
    rows = [Variant(name, {}, tuple(Measured(v) for v in values)) for name, values in (("a", base), ("b", other))]
    return Sensitivity("t", "mrr", "fraction", higher, systems, tuple(rows))


values = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=4, max_size=4)


@given(base=values, other=values, higher=st.booleans())
def test_pairs_that_change_places_are_those_of_kendall(base, other, higher):
    found = built(base, other, higher=higher)
    move = found.movement(found.variants[1])
    pairs = [(i, j) for i, j in product(range(4), repeat=2) if (base[i] > base[j] if higher else base[i] < base[j])]
    changed = {(f"s{i}", f"s{j}") for i, j in pairs if (other[i] < other[j] if higher else other[i] > other[j])}
    assert set(move.reversed_pairs) == changed
    assert move.pairs == len(pairs)
    assert abs(move.largest) == max(abs(b - a) for a, b in zip(base, other, strict=True))


def test_reversed_pairs_agree_with_scipy_where_nothing_ties():
    from scipy.stats import kendalltau

    rng = np.random.default_rng(3)
    base, other = rng.random(9).tolist(), rng.random(9).tolist()
    found = built(base, other)
    move = found.movement(found.variants[1])
    assert 1 - 2 * len(move.reversed_pairs) / move.pairs == pytest.approx(kendalltau(base, other).statistic)


def test_a_control_is_shown_and_takes_no_part_in_the_order():
    found = built([0.1, 0.5, 0.6], [0.9, 0.6, 0.5], controls=(0,))
    move = found.movement(found.variants[1])
    assert move.reversed_pairs == (("s2", "s1"),)
    assert (move.pairs, abs(move.largest)) == (1, pytest.approx(0.1))
    text = sensitivity_text.markdown(found)
    assert "b: s1 passes s2" in text
    assert "| a | 10.00 | 50.00 | 60.00 |" in text
    assert "| s0 (control) | s1 | s2 |" in text
    said = sensitivity_text.headline(found)
    assert "moves by up to +10.00 (s1, b) over 2 systems that are no controls;" in said or "−10.00 (s2, b)" in said
    assert said.endswith("; controls, which take no part in this, move by up to +80.00 (s0, b)")
    alone = sensitivity_text.headline(built([0.1], [0.9], controls=(0,)))
    assert alone == "mrr of t: nothing to compare; controls, which take no part in this, move by up to +80.00 (s0, b)"
    assert "control" not in sensitivity_text.headline(built([0.1, 0.5], [0.9, 0.6]))
    assert "the order changes under b (1 of 1 pairs)" in text


def test_benchmarks_have_the_variants_that_their_tasks_say(plugins):
    def labels(name):
        return [task.id for task in variants_of(plugins.tasks[name], plugins.tasks)]

    iq = labels("fashion-iq/original")
    assert iq[:3] == ["fashion-iq/original"] * 3  # three tie rules
    assert set(iq[3:]) == {name for name in plugins.tasks.names() if name.startswith("fashion-iq/")} - {iq[0]}
    assert set(labels("atelier/fashion-iq-original")[3:]) == {f"atelier/{name.replace('/', '-')}" for name in iq[3:]}
    assert {name.partition("/")[2] for name in labels("fashiongen/full")[3:]} == {
        "101-list", "101-fashionvil", "101-fashionsap", "100-random-same-category", "100-block", "text-to-product",
    }  # fmt: skip
    assert labels("wardrobe/text-to-image") == ["wardrobe/text-to-image"] * 3
    of = {}
    for task in plugins.tasks:
        if task.benchmark:
            of.setdefault(task.benchmark, set()).add((task.dataset, task.kind))
    assert all(len(kinds) == 1 for kinds in of.values())


def test_the_command_prints_a_table_markdown_or_json(tmp_path, capsys):
    results = ["--store", str(tmp_path / "results")]
    run = ["run", "--task", "wardrobe/image-to-image", "--backend", "baseline/colour-histogram", "--backend"]
    assert main([*run, "control/constant", *results]) == 0
    capsys.readouterr()
    assert main(["sensitivity", "wardrobe/image-to-image", "--metric", "hit@5", *results]) == 0
    out = capsys.readouterr().out
    assert "hit@5 of wardrobe/image-to-image moves by up to" in out
    assert "there are no two systems to order" in out  # the other is a control
    assert main(["sensitivity", "wardrobe/image-to-image", "--metric", "hit@5", "--json", *results]) == 0
    whole = json.loads(capsys.readouterr().out)
    constant = [
        row["values"][[s["label"] for s in whole["systems"]].index("control/constant")] for row in whole["variants"]
    ]
    assert [round(value["value"], 4) for value in constant][1:] == [0.0, 1.0]
    assert main(["sensitivity", "wardrobe/image-to-image", "--output", str(tmp_path / "s.md"), *results]) == 0
    assert "ties pessimistic" in (tmp_path / "s.md").read_text(encoding="utf-8")
    assert main(["sensitivity", "wardrobe/image-to-image", "--metric", "fid", *results]) == 2
    assert "no metric of rankings" in capsys.readouterr().err


def test_the_cache_keeps_the_last_fingerprint(tmp_path):
    cache = EmbeddingCache(tmp_path / FILE)
    assert cache.noted("a") is None
    cache.note("a", "one")
    cache.note("a", "two")
    cache.close()
    assert EmbeddingCache(tmp_path / FILE).noted("a") == "two"

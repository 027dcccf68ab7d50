"""Variants of a study follow from its mode, and a study that is none is refused."""

from __future__ import annotations

import pytest
import yaml

from fashionbench.errors import ConfigError
from fashionbench.studies.ablation import units_of
from fashionbench.studies.distinct import Systems
from fashionbench.studies.study import Study, checked, read_study, variants

BASE = {"backend": "control/random", "options": {"dimension": 64}, "training": {"phases.1a.lr": 0.1}}


def study(**fields):
    return checked(Study.model_validate({"id": "s", "base": BASE, "tasks": ["t/a"], **fields}))


def changed(variant):
    return {
        **{f"options.{k}": v for k, v in variant.options.items() if v != BASE["options"].get(k)},
        **{f"training.{k}": v for k, v in variant.training.items() if v != BASE["training"].get(k)},
        **({"backend": variant.backend} if variant.backend != BASE["backend"] else {}),
    }


def test_one_at_a_time_changes_one_thing():
    found = variants(study(axes={"size": {"options.dimension": [16, 256]}, "rate": {"training.phases.1a.lr": [0.2]}}))
    assert [one.name for one in found] == ["base", "size: 16", "size: 256", "rate: 0.2"]
    assert [changed(one) for one in found] == [
        {},
        {"options.dimension": 16},
        {"options.dimension": 256},
        {"training.phases.1a.lr": 0.2},
    ]


def test_labels_may_set_several_fields_and_another_backend():
    axis = [{"label": "oracle", "set": {"backend": "control/oracle", "options.memory_mib": 7}}]
    assert changed(variants(study(axes={"system": axis}))[1]) == {"backend": "control/oracle", "options.memory_mib": 7}


def test_leave_one_out_takes_one_component_away():
    parts = {"rate": {"training.phases.1a.lr": 0}, "size": {"options.dimension": 1}}
    found = variants(study(mode="leave-one-out", components=parts))
    assert [(one.name, changed(one)) for one in found] == [
        ("base", {}),
        ("without: rate", {"training.phases.1a.lr": 0}),
        ("without: size", {"options.dimension": 1}),
    ]


def test_add_one_in_starts_from_nothing():
    parts = {"rate": {"training.phases.1a.lr": 0}, "size": {"options.dimension": 1}}
    found = variants(study(mode="add-one-in", components=parts))
    assert [(one.name, changed(one)) for one in found] == [
        ("none of rate, size", {"training.phases.1a.lr": 0, "options.dimension": 1}),
        ("with: rate", {"options.dimension": 1}),
        ("with: size", {"training.phases.1a.lr": 0}),
    ]


def test_a_grid_is_the_product():
    axes = {"size": {"options.dimension": [16, 64]}, "rate": {"training.phases.1a.lr": [0.1, 0.2, 0.3]}}
    found = variants(study(mode="grid", axes=axes))
    assert [one.name for one in found[:2]] == ["base", "grid: size 16, rate 0.1"]
    assert len(found) == 1 + 6


def test_a_seed_is_that_of_the_training_too():
    one = study(axes={"size": {"options.dimension": [16]}}, seeds=[4])
    run = variants(one)[0].run(one, 4)
    assert run.seeds == (4,)
    assert run.backends[0].training.changes == {"phases.1a.lr": 0.1, "seed": 4}


def test_a_study_is_variants_by_seeds():
    one = study(axes={"size": {"options.dimension": [1, 2, 3, 4]}})
    every = [(v.name, seed) for v, seed in units_of(one, Systems(tuple(variants(one))))]
    assert len(every) == len(set(every)) == 15


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "asks for axes"),
        ({"mode": "leave-one-out", "axes": {"a": {"options.x": [1]}}}, "asks for components"),
        ({"axes": {"a": {"option.x": [1]}}}, "'option.x' is no field"),
    ],
)
def test_what_is_no_study_is_refused(fields, told):
    with pytest.raises(ConfigError, match=told):
        study(**fields)


def test_a_file_names_its_faults(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("id: s\nbase: {backend: a/b}\ntasks: [t]\naxis: {}\n")
    with pytest.raises(ConfigError, match=r"s\.yaml is not a study.*axis"):
        read_study(path)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seeds": []}, "seeds has 0 entries"),
        ({"seeds": [0, 1, 0]}, "seed 0 stands twice"),
        ({"axes": {"size": {"options.dimension": []}}}, "size has no values"),
        ({"axes": {"size": []}}, "size has no values"),
        ({"axes": {}, "components": {"part": {}}, "mode": "leave-one-out"}, "part has no values"),
    ],
)
def test_a_study_without_seeds_or_values_is_refused(tmp_path, fields, said):
    path = tmp_path / "s.yaml"
    axes = {"size": {"options.dimension": [16]}}
    path.write_text(yaml.safe_dump({"id": "s", "base": BASE, "tasks": ["t/a"], "axes": axes, **fields}))
    with pytest.raises(ConfigError, match=said):
        read_study(path)

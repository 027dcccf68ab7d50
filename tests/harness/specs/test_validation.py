from __future__ import annotations

import pytest

from fashionbench.errors import ConfigError, FieldError
from fashionbench.specs.validation import blame_changes, read_value, read_yaml


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("seeds: [0]\ntasks: [a]\nseeds: [1]\n", "seeds", 3),
        ("phases:\n  a: {lr: 1, steps: 2, lr: 3}\n", "lr", 2),
        ("rows:\n  - id: x\n    id: y\n", "id", 3),
    ],
)
def test_a_key_of_a_yaml_file_that_stands_twice_is_named_with_its_line(tmp_path, text, key, line):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"run\.yaml is not YAML: the key '{key}' stands twice") as caught:
        read_yaml(path)
    assert f"line {line}," in caught.value.message


def test_a_key_of_a_value_that_stands_twice_is_named():
    with pytest.raises(ConfigError, match="--set a: the value is not YAML: the key 'x' stands twice"):
        read_value("{x: 1, x: 2}", "--set a")
    assert read_value("{x: 1, y: {x: 2}}", "--set a") == {"x": 1, "y": {"x": 2}}


def test_merged_mappings_of_yaml_may_be_overwritten(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("base: &b {lr: 1, steps: 2}\nother:\n  <<: *b\n  lr: 3\n")
    assert read_yaml(path)["other"] == {"lr": 3, "steps": 2}


@pytest.mark.parametrize(
    ("faults", "changes", "said"),
    [
        ({"lr": "is too small"}, {"seed": 1, "lr": 0}, "the change does not fit: lr=0 is too small"),
        ({"a.b.lr": "is too small"}, {"a.b": "{}"}, "the change does not fit: a.b={}: a.b.lr is too small"),
        ({"a.kind": "is required"}, {"a.lr": 3}, "the change does not fit: a.lr=3: a.kind is required"),
        (
            {"heads": "is no number"},
            {"model.changes.heads": "x"},
            "the change does not fit: model.changes.heads=x is no number",
        ),
        ({"steps": "is too few"}, {"lr": 0}, "my recipe: steps is too few"),
        ({"lr": "is too small", "steps": "is too few"}, {"lr": 0}, "my recipe: lr is too small; steps is too few"),
    ],
)
def test_a_wrong_field_is_blamed_on_the_change_that_made_it_so_and_else_on_the_file(faults, changes, said):
    assert blame_changes(FieldError("my recipe", faults), changes).message == said

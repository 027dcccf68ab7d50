"""Wrong fields of every kind of file are named with their place, what they are, what they may be, and the nearest name."""

from __future__ import annotations

import pytest
import yaml

from fashionbench.errors import ConfigError
from fashionbench.runner.config import make_config
from fashionbench.specs.board_file import read_board
from fashionbench.studies.gate_policy import read_policy
from fashionbench.studies.study import read_study

BOARD = {"id": "b", "title": "B", "groups": [{"title": "g", "columns": [{"task": "t", "metric": "m"}]}]}
POLICY = {"margins": {"mrr": 0.01}}
STUDY = {"id": "s", "base": {"backend": "b"}, "tasks": ["t"], "axes": {"a": {"options.x": [1]}}}
JARGON = ("Extra inputs", "Input should", "Field required", "Value error", "valid ", "unable to parse", "pydantic")


def changed(fields, place, value):
    """The fields with another value at a place such as groups.0.title; a value of None takes the field away."""
    copied = yaml.safe_load(yaml.safe_dump(fields))
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    at = copied
    for part in way:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return copied


@pytest.mark.parametrize(
    ("read", "fields", "place", "value", "said"),
    [
        (read_board, BOARD, "titel", "x", "titel is no field here: did you mean title?; fields: id, title, summary, "),
        (read_board, BOARD, "title", None, "title is missing"),
        (read_board, BOARD, "title", 3, "title is 3, and must be a text"),
        (
            read_board,
            BOARD,
            "groups.0.colums",
            [],
            "groups.0.colums is no field here: did you mean columns?; fields: title,",
        ),
        (read_board, BOARD, "groups.0.columns", [], "groups.0.columns has 0 entries, and needs at least 1"),
        (
            read_board,
            BOARD,
            "groups.0.columns.0.metrik",
            "m",
            "groups.0.columns.0.metrik is no field here: did you mean metric?",
        ),
        (read_board, BOARD, "groups.0.columns.0.task", None, "groups.0.columns.0.task is missing"),
        (read_board, BOARD, "groups", {"a": 1}, "groups is {'a': 1}, and must be a list"),
        (read_board, BOARD, "sort_by", [1], "sort_by is [1], and must be a whole number or a text"),
        (read_board, BOARD, "seeds", ["one"], "seeds.0 is 'one', and must be a whole number"),
        (read_board, BOARD, "seeds", [1.5], "seeds.0 is 1.5, and must be a whole number"),
        (read_board, BOARD, "coverage", "perhaps", "coverage is 'perhaps', and must be true or false"),
        (read_policy, POLICY, "margin", 1, "margin is no field here: did you mean margins"),
        (read_policy, POLICY, "margins", {}, "margins has 0 entries, and needs at least 1"),
        (read_policy, POLICY, "margins.mrr", "one", "margins.mrr is 'one', and must be a number"),
        (
            read_policy,
            POLICY,
            "controls",
            "equals",
            "controls is 'equals', and must be equal or ignore: did you mean equal?",
        ),
        (read_policy, POLICY, "slice_margin", 0, "slice_margin is 0, and must be more than 0"),
        (read_policy, POLICY, "suspicious", float("inf"), "suspicious is inf, and must be a finite number"),
        (
            read_policy,
            POLICY,
            "bounds",
            [{"backend": "b", "metric": "m", "leats": 1}],
            "bounds.0.leats is no field here: did you mean least",
        ),
        (
            read_policy,
            POLICY,
            "bounds",
            [{"backend": "b", "metric": "m"}],
            "bounds.0 is wrong: the bound of m on b asks for nothing",
        ),
        (read_study, STUDY, "base.option", {}, "base.option is no field here: did you mean options"),
        (read_study, STUDY, "mode", "one_at_a_time", "did you mean one-at-a-time?"),
        (read_study, STUDY, "seeds", [-1], "seeds.0 is -1, and must be at least 0"),
        (
            read_study,
            STUDY,
            "axes.a",
            [{"lable": "x", "set": {"options.x": 1}}],
            "axes.a.0.lable is no field here: did you mean label?; fields: label, set",
        ),
        (read_study, STUDY, "axes.a", "x", "axes.a is 'x', and must be a mapping of fields or a list"),
        (read_study, STUDY, "axes.a", {"options.x": 3}, "axes.a.options.x is 3, and must be a list"),
    ],
)
def test_a_wrong_field_is_said_in_plain_words(tmp_path, read, fields, place, value, said):
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump(changed(fields, place, value)))
    with pytest.raises(ConfigError) as raised:
        read(path)
    message = raised.value.message
    assert str(path) in message
    assert said in message
    assert not any(word in message for word in JARGON), message


def test_a_file_without_a_fault_is_read(tmp_path):
    for read, fields in ((read_board, BOARD), (read_policy, POLICY), (read_study, STUDY)):
        (tmp_path / "file.yaml").write_text(yaml.safe_dump(fields))
        read(tmp_path / "file.yaml")


def test_several_faults_stand_together_and_long_values_are_cut(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(yaml.safe_dump({**changed(BOARD, "id", None), "title": ["é" * 500]}))
    with pytest.raises(ConfigError, match=r"is not a board: .*; id is missing|id is missing; title is ") as raised:
        read_board(path)
    assert len(raised.value.message) < 400


def test_a_run_from_python_says_the_same():
    with pytest.raises(ConfigError, match=r"tasks is missing") as raised:
        make_config({"backends": [{"idd": "x"}], "sed": 1})
    assert "backends.0.idd is no field here: did you mean id?" in raised.value.message
    assert "sed is no field here: did you mean seeds?" in raised.value.message
    assert not any(word in raised.value.message for word in JARGON)


@pytest.mark.parametrize("text", ["margins: {mrr: 0.01}\nmargins: {mrr: 0.9}\n", "margins:\n  mrr: 0.01\n  mrr: 0.9\n"])
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path, text):
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"stands twice[\s\S]*line [23]"):
        read_policy(path)


def test_anchors_and_merged_mappings_are_read_and_an_empty_file_is_called_so(tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text(
        "margins: &all {mrr: 0.01}\nbounds:\n  - &one {backend: b, metric: m, least: 1}\n  - {<<: *one, most: 2}\n"
    )
    assert [bound.most for bound in read_policy(path).bounds] == [None, 2]
    path.write_text("# nothing\n")
    with pytest.raises(ConfigError, match="gate.yaml is empty"):
        read_policy(path)

"""Records as a data frame, against the records themselves."""

from __future__ import annotations

import pandas as pd
import pytest

import fashionbench
from fashionbench import api


@pytest.fixture
def records(plugins, store):
    config = {"tasks": ["toy/squares", "toy/broken"], "backends": ["toy/colour", "toy/nan"], "seeds": [0, 1]}
    return api.run(config, plugins=plugins, store=store)


def test_a_frame_is_tidy_and_holds_every_value(records):
    table = fashionbench.frame(records)
    measured = table.dropna(subset=["value"])
    assert len(measured) == sum(len(record.metrics) for record in records)
    assert not measured.duplicated(["record", "metric", "slice"]).any()
    hits = measured[measured["metric"] == "hit@1"]
    assert dict(zip(hits["seed"], hits["value"], strict=True)) == {0: 1.0, 1: 1.0}
    assert table["value"].dtype == "float64"
    assert str(table["n"].dtype) == "Int64"
    pivot = measured.pivot_table(index="backend", columns="metric", values="value")
    assert pivot.loc["toy/colour", "mrr"] == 1.0


def test_what_has_no_value_is_a_row_with_its_reason(records):
    table = fashionbench.frame(records)
    failed = table[table["status"] == "error"]
    assert failed["value"].isna().all()
    assert len(failed) == sum(record.error is not None for record in records) == 6
    assert failed["reason"].str.contains("NaN|cannot be opened").all()


def test_no_records_are_an_empty_frame_with_all_columns():
    assert list(fashionbench.frame([]).columns)[:2] == ["record", "task"]
    assert pd.api.types.is_float_dtype(fashionbench.frame([])["value"])

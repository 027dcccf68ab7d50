from __future__ import annotations

import pytest

from fashionbench import BoardSpec, Column, api
from fashionbench.boards.history import history_of

SPEC = BoardSpec(
    id="b",
    title="b",
    summary="b",
    columns=(Column(task="toy/squares", metric="hit@1"), Column(task="toy/squares", metric="mrr")),
)


@pytest.fixture
def record(plugins, store):
    (made,) = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)
    return made


def at(record, day, value, implementation=None, seed=0):
    ended = record.provenance.model_copy(update={"ended": f"2026-01-{day:02}T00:00:00+00:00"})
    metrics = tuple(
        part.model_copy(update={"value": value, "implementation": implementation or part.implementation})
        for part in record.metrics
        if part.id == "hit@1"
    )
    decoding = record.decoding.model_copy(update={"seed": seed})
    return record.model_copy(
        update={"provenance": ended, "metrics": metrics, "decoding": decoding, "record_id": f"sha256:{day:064}"}
    )


def test_a_line_has_each_change_and_breaks_where_measuring_changed(record):
    records = [at(record, 4, 0.75, "sha256:new"), at(record, 1, 0.5), at(record, 2, 0.5), at(record, 3, 0.625)]
    records.append(at(record, 5, 0.875, "sha256:new"))
    (column,) = history_of(SPEC, records)
    assert column.column.metric == "hit@1"
    (line,) = column.lines
    assert [(p.date, p.value, p.breaks) for p in line.points] == [
        ("2026-01-01", 0.5, False),
        ("2026-01-03", 0.625, False),
        ("2026-01-04", 0.75, True),
        ("2026-01-05", 0.875, False),
    ]
    assert line.label == "toy/colour"


def test_seeds_and_rows_are_lines_of_their_own_and_what_never_changed_is_left_out(record):
    records = [at(record, 1, 0.5), at(record, 2, 0.75, seed=1), at(record, 3, 0.5)]
    assert history_of(SPEC, records) == ()
    (column,) = history_of(SPEC, [*records, at(record, 4, 0.25, seed=1)])
    assert [(line.seed, [p.value for p in line.points]) for line in column.lines] == [(1, [0.75, 0.25])]

"""``fashionbench plan``: what a run takes, by earlier records and declarations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fashionbench.records.store import Store

RUN = """
tasks: toy/squares
backends: [toy/colour, toy/raises, control/random, control/constant]
seeds: [0, 1]
"""


@pytest.fixture
def planned(cli):
    """The plan of four backends with two seeds, as JSON."""
    Path("run.yaml").write_text(RUN)
    return lambda *words: json.loads(cli("plan", "run.yaml", *words, "--json")[1])


def test_before_any_run_declarations_count_and_are_divided(planned, cli):
    found = planned("--workers", "3")
    assert (found["cells"], found["open"], found["guessed"], found["unsized"]) == (8, 8, 8, 8)
    # Controls declare 5 s, and a backend that says nothing 30 s.
    assert found["seconds"] == 4 * 30 + 4 * 5
    assert sorted(found["workers"]) == [40, 40, 60]
    assert not Path("results").exists()
    assert (
        "on 3 workers: about 60 s, and 40 s for the one that ends first" in cli("plan", "run.yaml", "--workers", "3")[1]
    )


def test_earlier_records_count_and_what_is_there_is_not_planned(planned, cli):
    assert cli("run", "--task", "toy/squares", "--backend", "toy/colour", "--backend", "control/random")[0] == 0
    known = sum(record.cost.wall_s for record in Store(Path("results")).scan().current())
    found = planned()
    assert (found["cells"], found["open"], found["guessed"]) == (8, 6, 4)
    assert found["seconds"] == pytest.approx(2 * 30 + 2 * 5 + known)
    # Sixteen embeddings of four numbers in float32 of the one that keeps them; rankings of the task by each open cell.
    assert found["embeddings"] == 16 * 4 * 4
    sizes = [path.stat().st_size for path in Path("results/predictions").iterdir()]
    assert 6 * min(sizes) <= found["predictions"] <= 6 * max(sizes)
    assert found["unsized"] == 0


def test_what_is_no_run_is_refused(cli):
    code, out, err = cli("plan", "nothing.yaml")
    assert code == 2 and not out
    assert "nothing.yaml" in err

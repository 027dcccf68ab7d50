"""``fashionbench cache``."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from fashionbench.runner.embedding_cache import FILE, EmbeddingCache


@pytest.fixture
def ran(cli):
    """The command line, after a run that has kept embeddings."""
    assert cli("run", "--task", "toy/squares", "--backend", "toy/colour")[0] == 0
    return cli


def test_a_run_is_told_and_removed_and_its_record_stays(ran):
    _, out, _ = ran("cache", "status", "--json")
    (owner,) = json.loads(out)["owners"]
    assert owner["owner"] == "toy/colour" and owner["rows"] == json.loads(out)["rows"] == 16
    assert "toy/colour" in ran("cache", "status")[1]
    with closing(EmbeddingCache(Path("results/cache") / FILE)):
        code, _, err = ran("cache", "prune", "--limit", "0")
        assert code == 2 and "in use" in err
    code, out, _ = ran("cache", "prune", "--limit", "0", "--json")
    assert code == 0 and json.loads(out) | {"before": 0} == {"before": 0, "after": 0, "rows": 16}
    assert "there is no cache" in ran("cache", "status")[1]
    assert "reused" in ran("run", "--task", "toy/squares", "--backend", "toy/colour")[2]


def test_a_run_keeps_to_the_limit_of_the_environment(cli, monkeypatch):
    monkeypatch.setenv("FASHIONBENCH_CACHE_LIMIT", "1kB")
    assert cli("run", "--task", "toy/squares", "--backend", "toy/colour")[0] == 0
    assert "there is no cache" in cli("cache", "status")[1]
    monkeypatch.setenv("FASHIONBENCH_CACHE_LIMIT", "much")
    code, _, err = cli("run", "--task", "toy/squares", "--backend", "toy/colour", "--rerun")
    assert code == 2 and "FASHIONBENCH_CACHE_LIMIT 'much' is no size" in err


def test_what_is_missing_is_said(cli):
    assert "there is no store" in cli("cache", "status")[2]
    assert "no limit is given" in cli("cache", "prune")[2]
    assert not Path("results").exists()

"""A cache with a limit: what was not used for longest goes, and nothing while a run uses it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from fashionbench import locks
from fashionbench.errors import ConfigError, StoreError
from fashionbench.runner import embedding_cache
from fashionbench.runner.byte_size import parse_size, size_text
from fashionbench.runner.cache_contents import cache_contents
from fashionbench.runner.cache_pruning import prune
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache

ROWS = np.random.default_rng(0).normal(size=(50, 768)).astype(np.float32)
BATCH = ROWS.nbytes


def keys(batch):
    return [bytes([batch, at]) * 16 for at in range(len(ROWS))]


@pytest.fixture
def hours(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(embedding_cache.time, "time", lambda: now[0])
    return now


@pytest.fixture
def folder(tmp_path, hours):
    """A cache of four batches, put there at 100, 200, 300 and 400; the first was used again at 500."""
    with closing(EmbeddingCache(tmp_path / FILE)) as cache:
        for batch in range(4):
            hours[0] = 100.0 * (batch + 1)
            cache.put(keys(batch), ROWS + batch, "a/model" if batch < 3 else "inception")
    with closing(EmbeddingCache(tmp_path / FILE)) as cache:
        hours[0] = 500.0
        assert cache.get(keys(0), "a/model") is not None
        assert cache.get([b"never put"], "nobody") is None
    return tmp_path


def held(folder):
    with closing(EmbeddingCache(folder / FILE)) as cache:
        return [batch for batch in range(4) if cache.get(keys(batch)) is not None]


def test_the_contents_are_told_by_owner_with_their_last_use(folder):
    found = cache_contents(folder)
    assert [(one.owner, one.rows, one.bytes, one.last_use) for one in found.owners] == [
        ("a/model", 150, 3 * BATCH, 500.0),
        ("inception", 50, BATCH, 400.0),
    ]
    assert found.bytes == (folder / FILE).stat().st_size >= 4 * BATCH
    assert not found.in_use
    with closing(EmbeddingCache(folder / FILE)):
        assert cache_contents(folder).in_use


def test_what_was_not_used_for_longest_goes_first(folder):
    size = (folder / FILE).stat().st_size
    limit = size * 5 // 8
    done = prune(folder, limit)
    assert (done.before, done.rows) == (size, 100)
    assert done.after == sum(path.stat().st_size for path in folder.glob("embeddings.*")) <= limit
    assert held(folder) == [0, 3]
    np.testing.assert_array_equal(EmbeddingCache(folder / FILE).get(keys(3)), ROWS + 3)


def test_nothing_goes_below_the_limit_and_everything_at_zero(folder):
    assert prune(folder, (folder / FILE).stat().st_size).rows == 0
    assert held(folder) == [0, 1, 2, 3]
    (folder / "embeddings.damaged").write_bytes(b"put aside")
    assert (prune(folder, 0).after, list(folder.glob("embeddings.*"))) == (0, [])
    assert prune(folder, 0).before == 0


def test_a_run_that_uses_the_cache_stops_pruning(folder):
    with closing(EmbeddingCache(folder / FILE)) as cache, closing(EmbeddingCache(folder / FILE)):
        with pytest.raises(locks.LockedError, match=r"in use: another run works in .*: process \d+"):
            prune(folder, 0)
        assert cache.get(keys(1)) is not None
    assert prune(folder, 0).rows == 200


def test_rows_of_an_earlier_version_are_told_and_go_first(folder):
    with closing(sqlite3.connect(folder / FILE)) as base:
        base.execute("DROP TABLE last_use")
    (owner,) = cache_contents(folder).owners
    assert (owner.owner, owner.rows, owner.last_use) == ("", 200, None)
    with closing(EmbeddingCache(folder / FILE)) as cache:
        cache.get(keys(2), "a/model")
    prune(folder, (folder / FILE).stat().st_size // 2)
    assert held(folder) == [2]


def test_a_damaged_cache_is_named_and_removed(folder):
    (folder / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"embeddings\.sqlite cannot be read") as told:
        cache_contents(folder)
    assert "prune --limit 0" in told.value.remedy
    assert prune(folder, 10).after == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("20GB", 20 * 10**9), ("1.5 GiB", 3 * 2**29), ("7kb", 7000), ("2T", 2 * 10**12), ("12 b", 12)],
)
def test_sizes_as_people_write_them(text, size):
    assert parse_size(text, "--limit") == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e3", "20 XB", "1.2.3GB", "٣GB", "nan", "inf", "1" * 40])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text, "--limit")


def test_a_size_is_shown_with_its_unit():
    assert [size_text(n) for n in (0, 999, 1000, 2_500_000, 10**13)] == ["0 B", "999 B", "1.0 kB", "2.5 MB", "10.0 TB"]

"""The cache of embeddings under damage: whatever is wrong with it is a miss."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.runner.embedding_cache import EmbeddingCache

KEYS = [bytes([at]) * 32 for at in range(8)]
ROWS = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)


@pytest.fixture
def said():
    return []


@pytest.fixture
def filled(tmp_path, said):
    """A function that opens one and the same cache, which holds eight rows."""
    path = tmp_path / "cache" / "embeddings.sqlite"
    cache = EmbeddingCache(path)
    cache.put(KEYS, ROWS)
    cache.close()
    return path, lambda **more: EmbeddingCache(path, said.append, **more)


def test_what_was_put_comes_back(filled, said):
    cache = filled[1]()
    np.testing.assert_array_equal(cache.get(KEYS), ROWS)
    assert cache.get([*KEYS, b"other"]) is None
    cache.put([b"one"], np.float32([[[1, 2], [3, 4]]]))
    assert cache.get([b"one"])[0].tolist() == [[1, 2], [3, 4]]
    assert not said


@pytest.mark.parametrize("column", ["content", "shape", "checksum"])
def test_a_row_that_was_altered_is_a_miss_and_is_kept_anew(filled, column):
    path, opened = filled
    with sqlite3.connect(path) as base:
        content = base.execute(f"SELECT {column} FROM vector WHERE key = ?", (KEYS[3],)).fetchone()[0]
        other = "4x4" if column == "shape" else bytes([content[0] ^ 1]) + content[1:]
        base.execute(f"UPDATE vector SET {column} = ? WHERE key = ?", (other, KEYS[3]))
    cache = opened()
    assert cache.get(KEYS) is None
    np.testing.assert_array_equal(cache.get([*KEYS[:3], *KEYS[4:]]), np.delete(ROWS, 3, axis=0))
    cache.put(KEYS[3:4], ROWS[3:4])
    np.testing.assert_array_equal(cache.get(KEYS), ROWS)


def test_rows_that_were_exchanged_are_a_miss(filled):
    path, opened = filled
    with sqlite3.connect(path) as base:
        first = base.execute("SELECT shape, content, checksum FROM vector WHERE key = ?", (KEYS[0],)).fetchone()
        base.execute("UPDATE vector SET shape = ?, content = ?, checksum = ? WHERE key = ?", (*first, KEYS[1]))
    assert opened().get(KEYS[:2]) is None


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_of_the_file_is_believed(tmp_path_factory, at, bit):
    path = tmp_path_factory.mktemp("flipped") / "embeddings.sqlite"
    cache = EmbeddingCache(path)
    cache.put(KEYS, ROWS)
    cache.close()
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    path.write_bytes(content)
    again = EmbeddingCache(path, lambda _: None)
    for key, row in zip(KEYS, ROWS, strict=True):
        found = again.get([key])
        assert found is None or np.array_equal(found[0], row)
    again.put(KEYS, ROWS)  # and nothing is raised
    again.close()


def test_a_damaged_name_of_a_table_is_a_miss(tmp_path):
    """The message of sqlite then holds a byte that is no text."""
    path = tmp_path / "embeddings.sqlite"
    cache = EmbeddingCache(path)
    cache.put(KEYS, ROWS)
    cache.close()
    whole = path.read_bytes()
    schema = whole.index(b"CREATE TABLE")
    for at in range(schema - 24, schema + 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        again = EmbeddingCache(path, lambda _: None)
        found = again.get(KEYS)
        assert found is None or np.array_equal(found, ROWS)
        again.put(KEYS, ROWS)
        again.close()


def test_a_file_that_is_no_database_is_put_aside(filled, said):
    path, opened = filled
    path.write_bytes(b"rubbish" * 1000)
    cache = opened()
    assert cache.get(KEYS) is None
    cache.put(KEYS, ROWS)
    np.testing.assert_array_equal(cache.get(KEYS), ROWS)
    assert path.with_suffix(".damaged").read_bytes().startswith(b"rubbish")
    assert said == ["warning: the cache embeddings.sqlite was damaged; it is put aside as embeddings.damaged"]


def test_a_file_that_another_run_holds_is_not_damaged(filled, said):
    path, opened = filled
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    cache = opened(patience=0.05)
    cache.put([b"new"], ROWS[:1])
    cache.put([b"newer"], ROWS[:1])
    assert cache.get([b"new"]) is None
    assert len(said) == 1 and "is not used" in said[0] and "locked" in said[0]
    holder.execute("ROLLBACK")
    holder.close()
    assert not path.with_suffix(".damaged").exists()
    np.testing.assert_array_equal(opened().get(KEYS), ROWS)


def test_a_cache_whose_place_is_taken_by_a_file(tmp_path, said):
    (tmp_path / "cache").write_text("")
    cache = EmbeddingCache(tmp_path / "cache" / "embeddings.sqlite", said.append)
    cache.put(KEYS, ROWS)
    assert cache.get(KEYS) is None
    assert len(said) == 1 and "is not used" in said[0]

from __future__ import annotations

import multiprocessing
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fashionbench_baselines.encoders.feature_cache import FeatureCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Encoder:
    """The first three bytes of each content, and which positions were asked for."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = contents
        self.calls: list[list[int]] = []

    def __call__(self, positions: list[int]) -> Floats:
        self.calls.append(positions)
        return np.array([list(self.contents[at][:3]) for at in positions], dtype=np.float32)


def ask(path: Path, *contents: bytes, encoder: str = "net", length: int = 3) -> tuple[Floats, list[list[int]]]:
    encode = Encoder(*contents)
    return FeatureCache(path, encoder, length).features(contents, encode), encode.calls


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "features.sqlite"


def test_what_was_encoded_once_is_read_by_other_objects_in_the_order_that_is_asked(path: Path) -> None:
    first, calls = ask(path, b"abc", b"xyz")
    assert calls == [[0, 1]]
    again, calls = ask(path, b"xyz", b"new", b"abc", b"new", b"xyz")
    assert calls == [[1]]
    assert again.dtype == np.float32
    assert np.array_equal(again, [[*b"xyz"], [*b"new"], [*b"abc"], [*b"new"], [*b"xyz"]])
    assert np.array_equal(first, [[*b"abc"], [*b"xyz"]])


def test_nothing_is_asked_and_nothing_is_found(path: Path) -> None:
    rows, calls = ask(path)
    assert rows.shape == (0, 3)
    assert calls == []


def test_a_vector_is_kept_to_the_last_bit(path: Path) -> None:
    exact = np.array([[0.1, -0.0, 1e-40]], dtype=np.float32)
    for _ in range(2):
        rows = FeatureCache(path, "net", 3).features([b"abc"], lambda _: exact)
        assert rows.tobytes() == exact.tobytes()


@pytest.mark.parametrize("other", [{"encoder": "net of another torch"}, {"encoder": "ne"}])
def test_another_encoder_does_not_read_these_features(path: Path, other: dict[str, str]) -> None:
    ask(path, b"abc")
    assert ask(path, b"abc", **other)[1] == [[0]]
    # The names of encoder and content do not run together.
    assert ask(path, b"tabc", encoder="ne")[1] == [[0]]


def change(sql: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as base:
            assert base.execute(sql).rowcount == 1

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        change("UPDATE feature SET content = zeroblob(12)"),
        change("UPDATE feature SET content = substr(content, 1, 8)"),
        change("UPDATE feature SET checksum = zeroblob(16)"),
    ],
    ids=["other content", "too short", "other checksum"],
)
def test_a_damaged_vector_is_encoded_again_and_replaced(path: Path, damage: Callable[[Path], None]) -> None:
    ask(path, b"abc")
    damage(path)
    rows, calls = ask(path, b"abc")
    assert calls == [[0]]
    assert np.array_equal(rows, [[*b"abc"]])
    assert ask(path, b"abc")[1] == []


def test_a_vector_under_the_key_of_another_one_is_not_believed(path: Path) -> None:
    ask(path, b"abc", b"xyz")
    with sqlite3.connect(path) as base:
        (a, *row), (b, *_) = base.execute("SELECT key, content, checksum FROM feature").fetchall()
        base.execute("UPDATE feature SET content = ?, checksum = ? WHERE key = ?", (*row, b))
        assert a != b
    rows, calls = ask(path, b"abc", b"xyz")
    assert sum(map(len, calls)) == 1
    assert np.array_equal(rows, [[*b"abc"], [*b"xyz"]])


def test_a_vector_of_another_length_is_encoded_again(path: Path) -> None:
    ask(path, b"abc")
    rows = FeatureCache(path, "net", 2).features([b"abc"], lambda _: np.ones((1, 2), np.float32))
    assert np.array_equal(rows, [[1, 1]])


def test_a_file_that_is_no_database_is_put_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, and long enough to be looked at as one" * 40)
    rows, calls = ask(path, b"abc")
    assert np.array_equal(rows, [[*b"abc"]])
    assert calls == [[0]]
    assert path.with_suffix(".damaged").read_bytes().startswith(b"this is no database")
    assert ask(path, b"abc")[1] == []


def test_a_folder_that_cannot_be_written_is_named_once_and_costs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for _ in range(2):
        rows, calls = ask(tmp_path / "file" / "features.sqlite", b"abc")
        assert np.array_equal(rows, [[*b"abc"]])
        assert calls == [[0]]
    (line,) = capsys.readouterr().err.splitlines()
    assert "file/features.sqlite is not used, and features are computed" in line


def test_a_file_that_another_process_holds_is_said_once_and_not_used(path: Path) -> None:
    ask(path, b"abc")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    said: list[str] = []
    for content in (b"new", b"one"):  # reading goes on beside a writer, and writing does not
        cache = FeatureCache(path, "net", 3, said.append, patience=0.05)
        assert np.array_equal(cache.features([content], Encoder(content)), [[*content]])
    holder.execute("ROLLBACK")
    holder.close()
    (line,) = said
    assert "is not used" in line and "locked" in line
    assert not path.with_suffix(".damaged").exists()


def test_an_encoder_that_fails_keeps_nothing(path: Path) -> None:
    def fails(_: list[int]) -> Floats:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        FeatureCache(path, "net", 3).features([b"abc"], fails)
    assert ask(path, b"abc")[1] == [[0]]


def fill(path: Path, start: int) -> None:
    for number in range(start, start + 40):
        content = bytes([number, 1, 2])
        assert np.array_equal(ask(path, content)[0], [[*content]])


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fill, args=(path, start)) for start in (0, 20, 40, 60)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    rows, calls = ask(path, *(bytes([number, 1, 2]) for number in range(100)))
    assert calls == []
    assert np.array_equal(rows[:, 0], range(100))

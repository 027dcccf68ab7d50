"""Whole-file writes on a disk that takes no more, whatever a library makes of it."""

from __future__ import annotations

import errno
import sqlite3
import tempfile

import pytest

from fashionbench.cli import main as command_line
from fashionbench.files import disk_fault, write

FULL = OSError(errno.ENOSPC, "No space left on device")


def raised_from(error, cause):
    try:
        raise error from cause
    except Exception as got:
        return got


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (FULL, errno.ENOSPC),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), errno.EDQUOT),
        # As safetensors, tokenizers and SQLite say it.
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), errno.ENOSPC),
        (sqlite3.OperationalError("database or disk is full"), errno.ENOSPC),
        (raised_from(ValueError("cannot save"), FULL), errno.ENOSPC),
        (OSError(errno.ENOENT, "No such file or directory"), None),
        (RuntimeError("unexpected pos 128 vs 0"), None),
    ],
)
def test_a_full_disk_is_known_whatever_raised_it(error, number):
    assert disk_fault(error) == number


def broken(temporary):
    temporary.write_bytes(b"half")
    raise RuntimeError("unexpected pos 128 vs 0")


def test_a_library_that_does_not_say_why_is_asked_for_by_writing(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="unexpected pos"):
        write(path, broken)  # the disk has room: it is the library's own error

    def no_room(*_args, **_more):
        raise FULL

    monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    with pytest.raises(OSError, match="No space left") as caught:
        write(path, broken)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"before"
    assert [other.name for other in tmp_path.iterdir()] == ["weights.pt"]


@pytest.mark.parametrize(("words", "advice"), [(["train", "x"], "--out"), (["list", "tasks"], "--store")])
def test_the_command_says_so_in_one_line_with_what_to_do(monkeypatch, capsys, words, advice):
    def fails(*_args, **_more):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(command_line.group, "main", fails)
    assert command_line.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: No space left on device\n")
    assert advice in said
    with pytest.raises(RuntimeError):
        command_line.main(["--traceback", *words])


def test_a_bug_stays_a_traceback(monkeypatch):
    def fails(*_args, **_more):
        raise RuntimeError("a bug")

    monkeypatch.setattr(command_line.group, "main", fails)
    with pytest.raises(RuntimeError, match="a bug"):
        command_line.main(["list", "tasks"])

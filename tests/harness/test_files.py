"""Whole-file writes on a disk that takes no more, whatever a library makes of it."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from fashionbench.cli import main as command_line
from fashionbench.files import disk_fault, expanded, regular_bytes, regular_text, sha256, write, write_text

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


@pytest.mark.parametrize("error", [RuntimeError("a bug"), RecursionError("deep"), SystemExit("gone"), KeyError("x")])
def test_a_bug_is_two_lines_and_a_traceback_for_whoever_asks(monkeypatch, capsys, error):
    def fails(*_args, **_more):
        raise error

    monkeypatch.setattr(command_line.group, "main", fails)
    assert command_line.main(["list", "tasks"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: unforeseen: {type(error).__name__}: ")
    assert "--traceback" in second
    with pytest.raises(type(error)):
        command_line.main(["--traceback", "list", "tasks"])


@pytest.mark.parametrize("code", [3, 7, -1, 130, True, None, "x"])
def test_no_command_ends_with_a_code_that_nobody_knows(monkeypatch, code):
    monkeypatch.setattr(command_line.group, "main", lambda *_args, **_more: code)
    assert command_line.main(["list"]) == {3: 3, 130: 130, None: 0, "x": 0}.get(code, 1)


def test_a_link_stays_and_the_mode_is_that_of_the_file_or_of_the_umask(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "link", "one")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "file").stat().st_mode & 0o777 == 0o640
        (tmp_path / "there" / "file").chmod(0o604)
        write_text(tmp_path / "link", "two")
    finally:
        os.umask(before)
    assert (tmp_path / "there" / "file").read_text() == "two"
    assert (tmp_path / "there" / "file").stat().st_mode & 0o777 == 0o604
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["file"]


def test_what_is_no_regular_file_is_neither_replaced_nor_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "loop", "folder"):
        with pytest.raises(OSError, match="no regular file|symbolic links"):
            write_text(tmp_path / name, "x")
        with pytest.raises(OSError, match="no regular file|symbolic links"):
            regular_text(tmp_path / name)
        with pytest.raises(OSError, match="no regular file|symbolic links"):
            sha256(tmp_path / name)
    with pytest.raises(OSError, match="is a device and no regular file"):
        regular_text(Path("/dev/zero"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "loop", "pipe"]
    (tmp_path / "long").write_bytes(bytes(11))
    with pytest.raises(OSError, match="it has 11 bytes, and at most 10 are read"):
        regular_bytes(tmp_path / "long", 10)


def test_a_home_folder_is_filled_in_and_that_of_nobody_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert expanded(tmp_path / "b") == tmp_path / "b"
    assert expanded("~no-such-user/a") == Path("~no-such-user/a")

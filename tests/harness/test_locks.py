"""Locks on folders, against a second process that holds one."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread

import pytest

from fashionbench.locks import LockedError, locked

HOLD = """
import sys
from pathlib import Path
from fashionbench.locks import locked
with locked(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_which_works_there(holder, tmp_path):
    said = rf"another training works in .*out: process {holder.pid} on "
    with pytest.raises(LockedError, match=said), locked(tmp_path / "out", "training"):
        pass
    with locked(tmp_path / "other", "training"):
        pass


def test_a_process_that_is_killed_leaves_no_lock(holder, tmp_path):
    holder.kill()
    holder.wait()
    with locked(tmp_path / "out", "training"):
        pass


def test_one_that_waits_says_so_once_and_goes_on(holder, tmp_path):
    said, entered = [], []

    def wait():
        with locked(tmp_path / "out", "training", wait=said.append):
            entered.append(holder.poll())

    thread = Thread(target=wait)
    thread.start()
    while not said:
        pass
    assert entered == []
    holder.communicate("")
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert entered == [0]
    assert len(said) == 1
    assert f"process {holder.pid}" in said[0]


def test_an_error_inside_lets_go(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(tmp_path, "training"):
            raise ZeroDivisionError

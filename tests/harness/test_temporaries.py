"""Temporaries of dead processes go, and are said; all others stay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fashionbench import api
from fashionbench.progress import Silent
from fashionbench.temporaries import remove_dead, temporary_name


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return str(process.pid)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_those_of_dead_processes_of_this_machine_go(tmp_path, dead):
    ours = temporary_name("record.json")
    of_dead = ours.replace(f".{os.getpid()}.", f".{dead}.")
    elsewhere = of_dead.replace(f".{dead}.", f"-2.{dead}.")  # a machine of another name
    assert len({ours, of_dead, elsewhere}) == 3
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    for name in (ours, of_dead, elsewhere, "record.json", ".x.tmp", "a.tmp"):
        (tmp_path / "deep" / "er" / name).write_text("x")
    (tmp_path / temporary_name("out").replace(f".{os.getpid()}.", f".{dead}.")).mkdir()
    (tmp_path / of_dead).symlink_to(tmp_path / "kept")
    said = []
    remove_dead(tmp_path, said.append)
    assert {path.name for path in (tmp_path / "deep" / "er").iterdir()} == {
        ours,
        elsewhere,
        "record.json",
        ".x.tmp",
        "a.tmp",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"deep", "kept", of_dead}
    assert said == [f"removed 2 temporary files that a killed process left in {tmp_path}"]
    remove_dead(tmp_path, said.append)
    assert len(said) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_run_removes_what_a_killed_one_left_in_its_store(plugins, store, dead):
    left = store.root / "predictions" / temporary_name("x.parquet").replace(f".{os.getpid()}.", f".{dead}.")
    left.parent.mkdir(parents=True)
    left.write_text("half")
    notes, lines = Silent(), []
    notes.note = lines.append
    api.run({"tasks": "toy/squares", "backends": ["toy/colour"]}, plugins=plugins, store=store, reporter=notes)
    assert not left.exists()
    assert any("removed 1 temporary file " in line for line in lines)

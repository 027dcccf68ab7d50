"""The main job as a user runs it: in processes of its own, undisturbed and killed.

The board is a small part of the quickstart; the whole of it is in ``test_whole_quickstart``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
import yaml
from forked_command import start_command
from shared_folder import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def command(*words):
    return [sys.executable, "-c", "import sys; from fashionbench.cli.main import main; sys.exit(main())", *words]


def environment():
    """Run as a user does: one thread, and no plugins of others."""
    return os.environ | {"OMP_NUM_THREADS": "1", "FASHIONBENCH_BLOCK_PLUGINS": "external"}


SMALL = ["control/oracle", "control/random", "control/constant", "baseline/colour-histogram", "baseline/pocket-lit"]


def run(folder, store):
    """Run a board of the quickstart's first group and a few backends, which is small enough for every change."""
    board = yaml.safe_load(files("fashionbench_leaderboards").joinpath("boards", "quickstart.yaml").read_text())
    (folder / "small.yaml").write_text(json.dumps(board | {"groups": board["groups"][:1], "backends": SMALL}))
    return subprocess.run(
        command("run", str(folder / "small.yaml"), "--store", str(store)), capture_output=True, text=True,
        env=environment(),
    )  # fmt: skip


def metrics(store: Path) -> dict[str, str]:
    """The metrics of every finished cell, as they stand in the files."""
    found = {}
    for path in (store / "records").rglob("*.json"):
        record = json.loads(path.read_text())
        assert record["status"] == "ok", record["error"]
        key = f"{record['task']['id']} {record['backend']['id']}"
        text = json.dumps([record["metrics"], record["predictions"]])
        assert found.setdefault(key, text) == text
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The store of a run that nothing disturbed, and what the run printed."""

    def fill(folder):
        done = run(folder, folder / "store")
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = shared_folder(tmp_path_factory, fill)
    return folder / "store", (folder / "printed").read_text()


def test_it_ends_in_a_table_and_a_page(undisturbed):
    store, printed = undisturbed
    assert "baseline/pocket-lit" in printed
    assert f"board: {store}/boards/quickstart.html" in printed
    assert (store / "boards" / "quickstart.html").stat().st_size > 5000


def test_a_second_run_reuses_every_cell(undisturbed, tmp_path):
    store, _ = undisturbed
    before = metrics(store)
    done = run(tmp_path, store)
    assert done.returncode == 0
    assert done.stderr.count("reused") == len(before) == 13  # the histogram finds images alone
    assert len(list((store / "records").rglob("*.json"))) == len(before)


@pytest.mark.acceptance
def test_a_run_killed_three_times_ends_in_the_same_numbers(undisturbed, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text(json.dumps({"tasks": "wardrobe/*", "backends": SMALL}))
    moments = random.Random(20261124)
    store, printed = tmp_path / "killed", tmp_path / "printed"

    def start(*words):
        return start_command(
            *words, "--store", str(store), folder=tmp_path, printed=printed,
            environment={"FASHIONBENCH_BLOCK_PLUGINS": "external"},
        )  # fmt: skip

    for count in sorted(moments.sample(range(1, 12), 3)):
        process = start("run", str(small))
        while process.is_alive() and len(list((store / "records").rglob("*.json"))) < count:
            time.sleep(0.01)
        # In the midst of the next cell.
        process.join(moments.uniform(0, 1))
        process.kill()
        process.join()
        # Whatever moment it was, what is in the store can be read.
        verify = start("records", "verify", "--quick")
        verify.join()
        assert verify.exitcode == 0, printed.read_text()
    done = start("run", str(small))
    done.join()
    assert done.exitcode == 0, printed.read_text()
    assert metrics(store) == metrics(undisturbed[0])

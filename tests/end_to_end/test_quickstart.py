"""The main job as a user runs it: in processes of its own, undisturbed and killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def command(*words):
    return [sys.executable, "-c", "import sys; from fashionbench.cli.main import main; sys.exit(main())", *words]


def environment():
    return os.environ | {"OMP_NUM_THREADS": "1", "FASHIONBENCH_BLOCK_PLUGINS": "external"}


def quickstart(store, **more):
    return subprocess.run(
        command("run", "quickstart", "--store", str(store)), capture_output=True, text=True, env=environment(), **more
    )


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
    store = tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    done = quickstart(store)
    assert done.returncode == 0, done.stderr
    return store, done, time.monotonic() - started


def test_it_ends_in_a_table_and_a_page(undisturbed):
    store, done, _ = undisturbed
    assert "baseline/pocket-lit" in done.stdout
    assert f"board: {store}/boards/quickstart.html" in done.stdout
    assert (store / "boards" / "quickstart.html").stat().st_size > 5000


def test_the_board_is_what_theory_says(undisturbed):
    store, _, _ = undisturbed
    board = json.loads((store / "boards" / "quickstart.json").read_text())
    table = board["tables"][0]
    at = {head["label"]: i for i, head in enumerate(table["heads"])}
    rows = {row["backend"]: row["values"] for row in table["rows"]}
    for label in ("I2T R@5", "T2I R@5"):
        assert rows["control/oracle"][at[label]]["value"] == 1.0
        # Under the expected tie rule every query of a constant backend is worth exactly the chance: no spread at all.
        assert rows["control/constant"][at[label]]["value"] == pytest.approx(5 / 47, abs=1e-12)
        assert rows["control/constant"][at[label]]["interval"] is None
        assert rows["baseline/pocket-lit"][at[label]]["interval"][0] > rows["control/random"][at[label]]["interval"][1]
        assert rows["baseline/colour-histogram"][at[label]]["reason"] == "cannot encode-image + encode-text"
    assert rows["control/oracle"][at["I2I hit@5"]]["value"] == 1.0
    assert len(board["tables"]) == 1


def test_a_second_run_reuses_every_cell(undisturbed):
    store, _, _ = undisturbed
    before = metrics(store)
    count = len(list((store / "records").rglob("*.json")))
    done = quickstart(store)
    assert done.returncode == 0
    assert done.stderr.count("reused") == len(before) == count
    assert len(list((store / "records").rglob("*.json"))) == count


def test_a_run_killed_five_times_ends_in_the_same_numbers(undisturbed, tmp_path):
    whole, _, seconds = undisturbed
    moments = random.Random(20261124)
    killed = 0
    while killed < 5:
        process = subprocess.Popen(
            command("run", "quickstart", "--store", str(tmp_path)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip
        try:
            process.wait(timeout=moments.uniform(0.1, 0.5) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed += 1
        # Whatever moment it was, what is in the store can be read.
        verify = subprocess.run(
            command("records", "verify", "--store", str(tmp_path)), capture_output=True, text=True, env=environment()
        )
        assert verify.returncode == 0, verify.stdout
    done = quickstart(tmp_path)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path) == metrics(whole)

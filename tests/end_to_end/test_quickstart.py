"""The main job as a user runs it: in processes of its own, undisturbed and killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
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


def run(what, store):
    return subprocess.run(
        command("run", str(what), "--store", str(store)), capture_output=True, text=True, env=environment()
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
    """The store of a run that nothing disturbed, and what the run printed."""

    def fill(folder):
        done = run("quickstart", folder / "store")
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = shared_folder(tmp_path_factory, "quickstart", fill)
    return folder / "store", (folder / "printed").read_text()


def test_it_ends_in_a_table_and_a_page(undisturbed):
    store, printed = undisturbed
    assert "baseline/pocket-lit" in printed
    assert f"board: {store}/boards/quickstart.html" in printed
    assert (store / "boards" / "quickstart.html").stat().st_size > 5000


def test_the_board_is_what_theory_says(undisturbed):
    store, _ = undisturbed
    board = json.loads((store / "boards" / "quickstart.json").read_text())
    assert all(table["main"] for table in board["tables"])
    values = {
        (row["backend"], table["title"].partition(":")[2].strip(), head["label"]): value
        for table in board["tables"]
        for row in table["rows"]
        for head, value in zip(table["heads"], row["values"], strict=True)
    }

    def of(backend, label, part=""):
        found = [v for (b, title, l), v in values.items() if (b, l) == (backend, label) and part in title]
        assert len(found) == 1, found
        return found[0]

    for label in ("I2T R@5", "T2I R@5"):
        assert of("control/oracle", label)["value"] == 1.0
        # Under the expected tie rule every query of a constant backend is worth exactly the chance: no spread at all.
        assert of("control/constant", label)["value"] == pytest.approx(5 / 47, abs=1e-12)
        assert of("control/constant", label)["interval"] is None
        assert of("baseline/pocket-lit", label)["interval"][0] > of("control/random", label)["interval"][1]
        assert of("baseline/colour-histogram", label)["reason"] == "cannot encode-image + encode-text"
    assert of("control/oracle", "I2I hit@5")["value"] == 1.0
    for label in ("I2T hit@1", "T2I hit@1", "R@10", "BLEU-4"):
        assert of("control/oracle", label)["value"] == pytest.approx(1.0, abs=1e-9)
    assert of("baseline/pocket-sum", "R@10")["value"] > of("control/pocket-text-only", "R@10")["value"]
    assert (
        of("baseline/nearest-caption", "BLEU-4")["interval"][0]
        > of("control/frequent-caption", "BLEU-4")["interval"][1]
    )
    assert of("control/oracle-image", "SSIM")["value"] == 1.0
    assert of("control/oracle-image", "unpaired MSE in the mask")["value"] == 0.0
    assert of("control/paste-garment", "SSIM")["value"] < 1.0
    assert of("control/oracle-image", "MSE in the mask", "garment design")["value"] == 0.0
    assert of("control/constant", "accuracy")["value"] == 0.25
    # Minutes of training are enough to be above chance in the world that was learnt from.
    for label in ("I2T hit@10", "T2I hit@10", "R@10"):
        assert of("unifashion-quick", label)["value"] > of("control/random", label)["interval"][1]
    assert of("unifashion-quick", "BLEU-4")["value"] > 0
    trained, pasted = (of(name, "unpaired MSE in the mask") for name in ("unifashion-quick", "control/paste-garment"))
    assert trained["value"] < pasted["value"]
    # Of so few persons a board says nothing about how far graded errors may be off, and why.
    assert (trained["interval"], "clusters are fewer than 40" in trained["method"]) == (None, True)


def test_a_second_run_reuses_every_cell(undisturbed):
    store, _ = undisturbed
    before = metrics(store)
    count = len(list((store / "records").rglob("*.json")))
    done = run("quickstart", store)
    assert done.returncode == 0
    # One more record than cells of the board: that of the training, which needs no second look.
    assert len(before) == count
    assert done.stderr.count("reused") == count - 1
    assert "training unifashion-quick" in before
    assert "training" not in done.stderr
    assert len(list((store / "records").rglob("*.json"))) == count


SMALL = ["control/oracle", "control/random", "control/constant", "baseline/colour-histogram", "baseline/pocket-lit"]


def is_small(task, backend):
    return task.startswith("wardrobe/") and backend in SMALL


def test_a_run_killed_five_times_ends_in_the_same_numbers(undisturbed, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text(json.dumps({"tasks": "wardrobe/*", "backends": SMALL}))
    # What a run of these cells alone would say.
    whole = {key: text for key, text in metrics(undisturbed[0]).items() if is_small(*key.split())}
    moments = random.Random(20261124)
    store, printed = tmp_path / "killed", tmp_path / "printed"

    def start(*words):
        return start_command(
            *words, "--store", str(store), folder=tmp_path, printed=printed,
            environment={"FASHIONBENCH_BLOCK_PLUGINS": "external"},
        )  # fmt: skip

    for count in sorted(moments.sample(range(12), 5)):
        process = start("run", str(small))
        while process.is_alive() and len(list((store / "records").rglob("*.json"))) < count:
            time.sleep(0.01)
        # In the midst of the next cell.
        process.join(moments.uniform(0, 1))
        process.kill()
        process.join()
        # Whatever moment it was, what is in the store can be read.
        verify = start("records", "verify")
        verify.join()
        assert verify.exitcode == 0, printed.read_text()
    done = start("run", str(small))
    done.join()
    assert done.exitcode == 0, printed.read_text()
    assert len(whole) == 13  # the histogram finds images alone
    assert metrics(store) == whole

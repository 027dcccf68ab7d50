"""The main job as a new user runs it: the whole quickstart board, with everything that it trains.

It takes minutes, so it has an environment of its own, ``tox run -e acceptance``, which CI runs after all others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from shared_folder import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.acceptance]


def run(store: Path) -> subprocess.CompletedProcess[str]:
    """Run it with one thread, and no plugins of others."""
    program = "import sys; from fashionbench.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "run", "quickstart", "--store", str(store)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "FASHIONBENCH_BLOCK_PLUGINS": "external"},
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The store of a run that nothing disturbed, and what the run printed."""

    def fill(folder):
        done = run(folder / "store")
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = shared_folder(tmp_path_factory, fill)
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
    records = [json.loads(path.read_text()) for path in (store / "records").rglob("*.json")]
    assert {record["status"] for record in records} == {"ok"}
    assert [record["backend"]["id"] for record in records if record["task"]["id"] == "training"] == ["unifashion-quick"]
    done = run(store)
    assert done.returncode == 0
    # One more record than cells of the board: that of the training, which needs no second look.
    assert done.stderr.count("reused") == len(records) - 1
    assert "training" not in done.stderr
    assert len(list((store / "records").rglob("*.json"))) == len(records)

"""The benchmark of the trainer, at its smallest size: the same steps are taken by both, and timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cached_twin import cached_twin

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training.py"


@pytest.mark.slow
@pytest.mark.acceptance
def test_trainer_and_bare_loop_take_the_same_steps(pytestconfig, tmp_path):
    pytest.importorskip("diffusers", reason="needs the optional dependencies fashionbench[models]")
    found = tmp_path / "found.json"
    words = ["--quick", "--twin", str(cached_twin(pytestconfig)), "--json", str(found)]
    ran = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "losses are equal" in ran.stdout
    rows = json.loads(found.read_text())
    assert [row["phase"] for row in rows] == ["vae", "1a", "1b-language", "1b-diffusion", "2", "try-on"]
    for row in rows:
        assert row["largest relative difference of losses"] < 1e-5
        assert 0 < row["ratio"] == pytest.approx(row["bare"]["CPU ms"] / row["trainer"]["CPU ms"])
        assert f"| {row['phase']} | {row['batch']} |" in ran.stdout

"""The GPU benchmark, on a processor at the smallest size: every part of it but the device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cached_twin import cached_twin
from shared_folder import shared_folder

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_unifashion.sh"
PHASES = {"vae", "1a", "1b-language", "1b-diffusion", "2", "try-on"}


def run(out, *words):
    pytest.importorskip("diffusers", reason="needs the optional dependencies fashionbench[models]")
    environment = os.environ | {
        "PYTHON": sys.executable,
        "OUT": str(out),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(["bash", SCRIPT, *words], env=environment, capture_output=True, text=True)


def test_without_a_gpu_it_says_so_and_is_no_failure(tmp_path):
    ran = run(tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "no GPU here\n"), ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def parts(pytestconfig, tmp_path_factory):
    words = ["--size", "nano", "--device", "cpu", "--twin", str(cached_twin(pytestconfig))]

    def fill(out):
        ran = run(out, *words, "--only", "phases", "fsdp", "sampling", "equality")
        assert ran.returncode == 0, ran.stderr
        assert (out / "gpu_unifashion.md").read_text() in ran.stdout

    out = shared_folder(tmp_path_factory, fill)
    return json.loads((out / "gpu_unifashion.json").read_text())["parts"]


@pytest.mark.slow
@pytest.mark.acceptance
def test_each_phase_is_timed_and_its_memory_estimated(parts):
    rows = parts["phases"]["phases"]
    assert set(rows) == PHASES | {"1b-diffusion, any order"}
    assert parts["phases"]["parameters"] == sum(parts["phases"]["parts"].values()), "every parameter is of one part"
    for row in rows.values():
        assert row["steps"] == 7
        assert row["examples/s"] == pytest.approx(row["batch"] / row["ms a step"] * 1000)
        # Weights in single precision are the least of it.
        assert row["estimate GiB"] * 2**30 > 4 * parts["phases"]["parameters"]
    assert {name for name, row in rows.items() if row["tokens/s"]} == {"1a", "1b-language", "2"}
    # A caption and its instruction are more tokens than there are queries, and fewer than the model has positions.
    row = rows["1b-language"]
    assert 3 < row["tokens/s"] / row["examples/s"] <= 128


@pytest.mark.slow
@pytest.mark.acceptance
def test_sharded_steps_lose_what_whole_ones_do(parts):
    rows = parts["fsdp"]["phases"]
    assert set(rows) == {"1b-language", "1b-diffusion", "1a"}
    for row in rows.values():
        assert row["largest relative difference of losses"] < 0.01  # bf16


@pytest.mark.slow
@pytest.mark.acceptance
def test_one_device_agrees_with_itself(parts):
    rows = parts["equality"]["phases"]
    assert set(rows) == PHASES - {"vae"}
    for row in rows.values():
        assert row["device"] == row["processor"]
        assert len(set(row["processor"])) == 5, "it learns"
    found = parts["sampling"]["processor"]
    assert found["largest difference of latents over their standard deviation"] == 0
    assert found["largest difference of pixels in [-1, 1]"] == 0

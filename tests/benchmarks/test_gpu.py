"""The harness's GPU benchmark, on a processor at the smallest size; and what its parts run in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shared_folder import shared_folder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = ("clip", "inception", "ranking", "equality")


def run(out, *words):
    pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")
    environment = os.environ | {
        "PYTHON": sys.executable,
        "OUT": str(out),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(["bash", BENCHMARKS / "gpu.sh", *words], env=environment, capture_output=True, text=True)


def test_without_a_gpu_it_says_so_and_is_no_failure(tmp_path):
    ran = run(tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "no GPU here\n"), ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    def fill(out):
        ran = run(out, "--size", "nano", "--device", "cpu", "--only", *PARTS)
        assert ran.returncode == 0, ran.stderr
        assert (out / "gpu.md").read_text() in ran.stdout

    out = shared_folder(tmp_path_factory, fill)
    found = json.loads((out / "gpu.json").read_text())
    assert set(found["seconds"]) == set(found["parts"]) == set(PARTS)
    return found["parts"]


@pytest.mark.slow
@pytest.mark.acceptance
def test_the_backend_encodes_what_the_bare_loop_encodes(parts):
    found = parts["clip"]
    assert found["same bytes as the bare loop"] is True
    # A patch of 32 squared to 32 dimensions, a class token, 5 positions, 3 norms of layers, and two layers.
    layer = 4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32
    assert found["parameters of the vision tower"] == 3 * 32 * 32 * 32 + 32 + 5 * 32 + 4 * 32 + 2 * layer
    backend, bare = (found["ways"][name] for name in ("hf:FOLDER through a session", "bare loop, same loader"))
    assert backend["images"] == bare["images"] == 8
    assert backend["time / bare loop"] == pytest.approx(bare["images/s"] / backend["images/s"])


@pytest.mark.slow
@pytest.mark.acceptance
def test_every_pair_is_ranked(parts):
    found = parts["ranking"]["ways"]["exact ranks"]
    assert found["queries"] == 200
    assert found["ns a pair"] * 200 * 3000 == pytest.approx(found["s"] * 1e9)
    assert 0 < parts["ranking"]["R@1"] < 1


@pytest.mark.slow
@pytest.mark.acceptance
def test_one_device_agrees_with_itself_and_ranks_are_those_of_the_project(parts):
    found = parts["equality"]
    assert found["ranks"]["equal"] is True
    # Items 0 to 19 of the gallery stand there twice, and each is the positive of a query.
    assert found["ranks"]["queries with a tie"] == 20
    rows = found["ways"]
    assert [row["largest difference, without TF32"] for row in rows.values()] == [0, 0, 0]
    assert set(rows) == {"clip", "siglip", "inception"}
    assert parts["inception"]["largest difference of batches, relative"] < 1e-4


SCRIPT = """
import os, time
from gpu_parts import Benchmark, main

def works(run):
    return {"answer": 42, "rows": {"one": {"value": 0.5}}}

def raises(run):
    run.keep({"before": 1})
    raise ValueError("broken")

def hangs(run):
    run.keep({"before": 2})
    time.sleep(600)

if __name__ == "__main__":
    parts = {"raises": ("script:raises", 60), "hangs": ("script:hangs", 5), "works": ("script:works", 60)}
    main(Benchmark("found", "Parts", "row", ("small",), 300, parts, (), ("torch", "no-such-package")), None)
"""


@pytest.mark.slow
def test_a_part_that_raises_or_hangs_leaves_what_it_found_and_the_others(tmp_path):
    pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(BENCHMARKS), str(tmp_path)])}
    words = [sys.executable, "script.py", "--device", "cpu"]
    ran = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["parts"] == {
        "raises": {"before": 1, "error": "the process ended with 1"},
        "hangs": {"before": 2, "error": "stopped after 5 s"},
        "works": {"answer": 42, "rows": {"one": {"value": 0.5}}},
    }
    assert "ValueError: broken" in ran.stderr
    assert found["machine"]["no-such-package"] == "not there"
    assert "| one | 0.5 |" in (tmp_path / "found.md").read_text()
    assert not list(tmp_path.glob("found-*"))

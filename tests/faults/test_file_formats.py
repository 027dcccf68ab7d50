"""No file ends a command in a traceback, whatever it holds."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_command_lines import check
from odd_files import CONFIGS, MANIFESTS, PREDICTIONS, configs, of

EXAMPLES = int(os.environ.get("FASHIONBENCH_FUZZ", "20"))
FUZZ = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
#: Commands that read a configuration, and run nothing that takes long.
READERS = {
    "run": (["run", "{}", "--dry-run"],),
    "board": (["board", "{}"], ["publish", "{}", "--out", "site"], ["export", "mteb", "--out", "exports", "--board", "{}"], ["run", "{}", "--dry-run"]),
    "study": (["ablate", "{}", "--dry-run"], ["train", "{}", "--dry-run"]),
    "policy": (["gate", "--baseline", "store", "--candidate", "store", "--policy", "{}"],),
    "baseline": (["gate", "--baseline", "{}", "--candidate", "store", "--policy", "policy.yaml"],),
}  # fmt: skip


@pytest.fixture
def place(hostile, tmp_path, monkeypatch):
    """A folder of this test alone, with the store and the files beside it."""
    for name in ("store", "policy.yaml"):
        (tmp_path / name).symlink_to(hostile / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", CONFIGS)
@FUZZ
@given(data=st.data())
def test_configurations(place, kind, data):
    path = place / f"{kind}-drawn.yaml"
    path.write_bytes(data.draw(configs(CONFIGS[kind])))
    words = data.draw(st.sampled_from(READERS[kind]))
    check([word.format(path.name) for word in words])


@pytest.mark.parametrize("name", PREDICTIONS)
@FUZZ
@given(data=st.data())
def test_predictions(place, name, data):
    (place / "folder").mkdir(exist_ok=True)
    (place / "folder" / "image-red.png").write_bytes(PREDICTIONS["folder/image-red.png"])
    (place / name).write_bytes(data.draw(of(PREDICTIONS[name])))
    task = data.draw(st.sampled_from(["toy/squares", "wardrobe/text-to-image"]))
    check(["score", task, "--predictions", name.partition("/")[0], "--name", "x", "--store", "scored"])
    (place / name).unlink()


@pytest.mark.parametrize("name", MANIFESTS)
@FUZZ
@given(data=st.data())
def test_manifests(place, name, data):
    for beside in ("manifest.csv", "a.png"):
        (place / beside).write_bytes(MANIFESTS[beside])
    if name == "manifest.jsonl":
        (place / "manifest.csv").unlink()
    (place / name).write_bytes(data.draw(of(MANIFESTS[name])))
    check(data.draw(st.sampled_from([
        ["data", "check", "."], ["data", "status", "manifest", "--root", "."], ["data", "verify", "manifest", "--root", ".", "--store", "scored"],
        ["items", "manifest/image-to-text", "--data", "manifest=."], ["audit", "manifest/pairs", "--root", "."],
    ])))  # fmt: skip
    (place / name).unlink()


@FUZZ
@given(data=st.data())
def test_records(place, hostile, data):
    shutil.copytree(hostile / "store", place / "own", dirs_exist_ok=True)
    paths = sorted((place / "own").rglob("*.json"))
    path = data.draw(st.sampled_from(paths))
    path.write_bytes(data.draw(of(path.read_bytes())))
    words = [
        ["records", "list"], ["records", "list", "--all", "--json"], ["records", "verify"], ["board", "toy"], ["rescore"], ["export", "model-card", "--out", "x"],
        ["compare", "toy/colour", "toy/colour"], ["publish", "--out", "site", "toy"], ["run", "--task", "toy/squares", "--backend", "toy/colour", "--dry-run"],
    ]  # fmt: skip
    chosen = data.draw(st.sampled_from(words))
    check([*chosen, "--store", "own"])
    shutil.rmtree(place / "own")


@FUZZ
@given(data=st.data())
def test_texts_of_a_gallery_and_labels(place, data):
    (place / "texts.json").write_bytes(data.draw(of(json.dumps({"a": "b"}).encode())))
    check(data.draw(st.sampled_from([
        ["audit", "fashion-iq", "--root", ".", "--gallery-text", "dress=texts.json"], ["shortcuts", "toy/squares", "--labels", "texts.json"],
    ])))  # fmt: skip

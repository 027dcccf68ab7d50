"""``data status`` and ``data verify`` for every data set that is registered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fashionbench.cli.main import main
from fashionbench.plugins.manager import Plugins
from fashionbench_tasks.datasets.atelier import LOADERS
from fashionbench_tasks.scenes.generate import make as scenes
from fashionbench_tasks.wardrobe.dataset import WardrobeFiles, garments

PUBLISHED = Path(__file__).parent / "datasets" / "published"
FOLDERS = {name: folder for name, (folder, _) in LOADERS.items()} | {"atelier": ".", "manifest": "manifest-pairs"}


@pytest.fixture
def folder(twin, tmp_path):
    """A function that gives the folder of a data set: of the twin, of the scenes, or in the published shape."""

    def find(name):
        if name == "scenes":
            scenes(tmp_path / "scenes", 0, {"train": 3, "restval": 0, "val": 0, "test": 3}, lambda _done, _all: None)
            return tmp_path / "scenes"
        return PUBLISHED / name if name in {"coco-captions", "flickr30k"} else twin / FOLDERS[name]

    return find


@pytest.mark.parametrize("name", [spec.id for spec in Plugins(strict=True).datasets])
def test_the_status_of_every_registered_data_set_is_said(name, folder, capsys):
    root = [] if name == "wardrobe-emoji" else ["--root", str(folder(name))]
    code = main(["data", "status", name, *root, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["whole"] else 1)
    assert found["dataset"] == name
    assert found["counts"]


def test_the_packaged_drawings_are_verified_and_one_that_lacks_is_named(tmp_path, capsys):
    import shutil

    root = tmp_path / "data"
    shutil.copytree(WardrobeFiles(None).root, root)
    words = ["data", "verify", "wardrobe-emoji", "--root", str(root), "--store", str(tmp_path / "store")]
    assert main(words) == 0
    assert f"images: {3 * len(garments())} of {3 * len(garments())} are there" in capsys.readouterr().out
    (root / "images" / "noto" / "1f457.png").unlink()
    (root / "images" / "noto" / "0.png").write_bytes(b"")
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "missing: 1: noto/1f457" in said and "extra: 1: noto/0.png" in said

"""``data status`` and ``data verify`` for every data set that is registered."""

from __future__ import annotations

import json

import pytest

from fashionbench.cli.main import main
from fashionbench.plugins.manager import Plugins
from fashionbench_tasks.datasets.atelier import LOADERS
from fashionbench_tasks.wardrobe.dataset import WardrobeFiles, garments

FOLDERS = {name: folder for name, (folder, _) in LOADERS.items()} | {"atelier": ".", "manifest": "manifest-pairs"}


@pytest.mark.parametrize("name", [spec.id for spec in Plugins(strict=True).datasets])
def test_the_status_of_every_registered_data_set_is_said(name, twin, capsys):
    root = [] if name == "wardrobe-emoji" else ["--root", str(twin / FOLDERS[name])]
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

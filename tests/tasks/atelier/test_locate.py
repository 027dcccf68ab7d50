from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.plugins.manager import Plugins
from fashionbench_atelier import locate
from fashionbench_atelier.locate import atelier_root
from fashionbench_atelier.manifest import NAME, VERSION, read_manifest

TINY = {"products": 24, "people": 4, "outfits": 10}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(locate, "SMALL", TINY)
    monkeypatch.delenv("FASHIONBENCH_DATA", raising=False)


def test_a_named_folder_is_taken(tiny, tmp_path, monkeypatch):
    assert atelier_root(DataRoots(named={"atelier": tiny})) == tiny
    (tmp_path / "atelier").symlink_to(tiny)
    monkeypatch.setenv("FASHIONBENCH_DATA", str(tmp_path))
    assert atelier_root(DataRoots()) == tmp_path / "atelier"


def test_a_named_folder_that_is_no_atelier_is_refused(tmp_path):
    (tmp_path / "atelier").mkdir()
    for roots in (DataRoots(named={"atelier": tmp_path / "atelier"}), DataRoots(common=tmp_path)):
        with pytest.raises(DataError, match="no whole Atelier"):
            atelier_root(roots)
    with pytest.raises(DataError, match="not a folder"):
        atelier_root(DataRoots(named={"atelier": tmp_path / "typo"}))


def test_the_small_one_is_made_once_beside_the_cache_and_said_so_in_one_line(tmp_path, tiny, capsys):
    roots = DataRoots(cache=tmp_path / "cache" / "surveys")
    root = atelier_root(roots)
    assert root == tmp_path / "cache" / f"atelier-{VERSION}-0"
    assert read_manifest(root) == read_manifest(tiny)
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"making the generated twin, once, at {root}\n")
    assert atelier_root(roots) == root
    assert capsys.readouterr().err == ""


def test_without_a_cache_it_lies_in_the_users_cache_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    root = atelier_root(DataRoots())
    assert root == tmp_path / ".cache" / "fashionbench" / f"atelier-{VERSION}-0"
    assert (root / NAME).is_file()


def test_a_place_that_cannot_be_written_is_an_error_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"could not be made at .*file"):
        atelier_root(DataRoots(cache=tmp_path / "file" / "surveys"))


PROGRAM = """
import sys
from pathlib import Path
from fashionbench.data.roots import DataRoots
from fashionbench_atelier import locate
locate.SMALL = {"products": 24, "people": 4, "outfits": 10}
print(locate.atelier_root(DataRoots(cache=Path(sys.argv[1]) / "surveys")))
"""


@pytest.mark.slow
def test_two_processes_at_once_end_with_one_whole_folder(tmp_path, tiny):
    # The program has no main guard and comes from a string: what worker processes cannot import again.
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    (root,) = map(Path, said)
    assert read_manifest(root) == read_manifest(tiny)
    assert list(tmp_path.iterdir()) == [root]


def test_the_data_set_is_registered_as_generated():
    spec = Plugins(strict=True).datasets["atelier"]
    assert (spec.access, spec.synthetic, spec.revision) == ("generated", True, str(VERSION))
    assert spec.maker

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import PIL
import pytest
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.cli.main import main as cli
from fashionbench.errors import ConfigError, DataError
from fashionbench_atelier.generate import main, make
from fashionbench_atelier.layouts.folder_hash import fingerprint
from fashionbench_atelier.manifest import NAME, read_manifest
from fashionbench_atelier.target import remove_dead

TINY = {"products": 24, "people": 4, "outfits": 10}
TEXTS = {".json", ".jsonl", ".txt", ".csv"}

# Made with Pillow 13.0.0. What the pins cover is what VERSION stands for: raise it when they change. Parquet and npz are
# left out, for their bytes are their libraries' matter, and so are the bytes of JPEG and PNG, which change with the
# codecs that a build of Pillow brings; the pixels of the PNG files are the drawing itself. How Pillow fills a polygon
# may change between its major versions.
ANNOTATIONS = "sha256:066dcfff267f36558cff786a2f019220caad437bc304fc200d2c896c72643b89"
PIXELS = "sha256:fd01891e0f6bd5c9b2f18cdf3ebb6816cf89a74c40b124423bd32c75fa9148b4"
PILLOW = "13"
# What version 5 had, without what version 6 added to it: trainings and boards refer to these very data.
ANNOTATIONS_5 = "sha256:13d452b564565ad8d103bd48d01cbaa2ef1294b177be579374141c95183b8bf4"
PIXELS_5 = "sha256:13e921e697d03d64049967aa927edccacfda5745d550aac655a20d69f2a15826"


def of_version_5(root, path):
    """Whether version 5 had the file."""
    place = path.relative_to(root)
    return place.parts[0] != "style-transfer" and place.name != "polyvore_item_metadata.json"


def silent(done, total):
    pass


def listing(folder):
    return sorted((path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def pixels(path):
    with Image.open(path) as image:
        return hashlib.sha256(f"{image.mode}{image.size}".encode() + image.tobytes()).hexdigest()


def test_annotations_of_a_seed_are_pinned(tiny):
    count, found = fingerprint(tiny, lambda path: path.suffix in TEXTS and path.name != NAME)
    assert (count, found) == (107, ANNOTATIONS)


def test_what_version_5_had_is_the_same(tiny):
    count, found = fingerprint(
        tiny, lambda path: path.suffix in TEXTS and path.name != NAME and of_version_5(tiny, path)
    )
    assert (count, found) == (103, ANNOTATIONS_5)
    if PIL.__version__.partition(".")[0] == PILLOW:
        drawn = [path for path in tiny.rglob("*.png") if of_version_5(tiny, path)]
        assert digest({path.relative_to(tiny).as_posix(): pixels(path) for path in drawn}) == PIXELS_5


@pytest.mark.skipif(PIL.__version__.partition(".")[0] != PILLOW, reason=f"the pixels were pinned with Pillow {PILLOW}")
def test_pixels_of_a_seed_are_pinned(tiny):
    assert digest({p.relative_to(tiny).as_posix(): pixels(p) for p in tiny.rglob("*.png")}) == PIXELS


@pytest.mark.slow
def test_two_processes_make_the_same_bytes_as_one_and_another_seed_others(tiny, tmp_path):
    make(tmp_path / "again", 0, {**TINY, "processes": 2}, silent)
    assert (tmp_path / "again" / NAME).read_bytes() == (tiny / NAME).read_bytes()
    make(tmp_path / "other", 1, {**TINY, "processes": 1}, silent)
    assert read_manifest(tmp_path / "other").fingerprint != read_manifest(tiny).fingerprint


def test_the_mark_says_what_is_there(tiny):
    manifest = read_manifest(tiny)
    assert (manifest.seed, manifest.sizes) == (0, {**TINY, "h5": 0})
    assert fingerprint(tiny, lambda path: path.name != NAME) == (manifest.files, manifest.fingerprint)


def test_a_fingerprint_sees_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("x")
    first = fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = fingerprint(tmp_path)
    (tmp_path / "b").write_text("y")
    third = fingerprint(tmp_path)
    assert len({first, second, third}) == 3
    assert [count for count, _ in (first, second, third)] == [1, 1, 1]


def test_progress_reaches_its_end(tmp_path):
    calls = []
    make(tmp_path / "out", 0, {**TINY, "processes": 1}, lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == list(range(1, len(calls) + 1))
    assert {total for _, total in calls} == {len(calls)}


def test_a_whole_folder_of_the_same_seed_and_sizes_is_left_as_it_is(tiny):
    before = listing(tiny)
    make(tiny, 0, {**TINY, "processes": 1}, lambda done, total: pytest.fail("it was made again"))
    assert listing(tiny) == before


@pytest.mark.parametrize(
    ("seed", "sizes", "said"),
    [(1, TINY, "seed 0, products=24, people=4, outfits=10"), (0, {**TINY, "people": 5}, "people=4")],
)
def test_a_folder_of_another_seed_or_size_is_refused_and_untouched(tiny, seed, sizes, said):
    before = listing(tiny)
    with pytest.raises(DataError, match=said) as caught:
        make(tiny, seed, sizes, silent)
    assert "choose another folder" in caught.value.remedy
    assert listing(tiny) == before


def test_a_folder_that_lost_files_is_reported(tiny, tmp_path):
    out = shutil.copytree(tiny, tmp_path / "out")
    (out / "cirr" / "SYNTHETIC.json").unlink()
    with pytest.raises(DataError, match="has 444 files, and was made with 445"):
        make(out, 0, TINY, silent)


def test_a_folder_of_other_things_is_refused_and_an_empty_one_is_filled(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="is there and is no Atelier"):
        make(tmp_path / "mine", 0, TINY, silent)
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty", 0, {**TINY, "processes": 1}, silent)
    assert read_manifest(tmp_path / "empty").files == 445
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "empty"}
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"product": 600}, "no size 'product'.*products, people, outfits, h5, processes"),
        ({"products": 23}, "products is 23.*from 24"),
        ({"people": 0}, "people is 0.*from 4"),
        ({"outfits": -1}, "outfits is -1.*from 0"),
        ({"processes": 0}, "processes is 0.*from 1"),
        ({"h5": 2}, "h5 is 2"),
    ],
)
def test_a_size_that_cannot_be_is_refused_before_anything_is_written(tmp_path, sizes, said):
    with pytest.raises(ConfigError, match=said):
        make(tmp_path / "out", 0, sizes, silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_make_leaves_nothing(tmp_path, processes):
    def interrupt(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "out", 0, {**TINY, "processes": processes}, interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_make_leaves_nothing_that_looks_whole(tmp_path):
    command = [sys.executable, "-m", "fashionbench_atelier.generate", str(tmp_path / "out"), "processes=1"]
    with subprocess.Popen(command) as process:
        while not list(tmp_path.glob(".out.*/viton-hd/*/image/*.jpg")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob(NAME))
    make(tmp_path / "out", 0, {**TINY, "processes": 1}, silent)
    assert read_manifest(tmp_path / "out").sizes["products"] == TINY["products"]


def test_the_module_is_a_program(tmp_path, tiny, capsys):
    words = [f"{name}={size}" for name, size in TINY.items()]
    assert main([str(tmp_path / "out"), *words, "processes=1"]) == 0
    assert (tmp_path / "out" / NAME).read_bytes() == (tiny / NAME).read_bytes()
    assert main([str(tmp_path / "out"), *words, "--seed", "3"]) == 1
    assert "choose another folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out"), "products=many"])


def test_the_command_line_makes_and_verifies_it(tmp_path, tiny, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [word for name, size in TINY.items() for word in ("--option", f"{name}={size}")]
    assert cli(["data", "make", "atelier", "--out", "made", *options, "--option", "processes=1"]) == 0
    assert (tmp_path / "made" / NAME).read_bytes() == (tiny / NAME).read_bytes()
    capsys.readouterr()
    assert cli(["data", "verify", "atelier", "--root", "made", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["whole"], said["synthetic"], said["missing"]) == (True, True, [])
    assert cli(["data", "make", "atelier", "--out", "made", "--option", "size=3"]) != 0
    assert "known sizes are" in capsys.readouterr().err


def test_a_target_that_no_folder_can_be_moved_to_is_refused_first(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "file").write_text("")
    (work / "loop").symlink_to("loop")
    for out, said in ((Path(), "where you stand"), (tmp_path, "where you stand"), (work / "file", "is a file"), (work / "loop", "itself"),
                      (Path("/proc"), "mount point"), (Path("/proc/new"), "beside")):  # fmt: skip
        with pytest.raises(DataError, match=said):
            make(out, 0, {**TINY, "processes": 1}, lambda *_: pytest.fail("it began"))
    assert {path.name for path in work.iterdir()} == {"file", "loop"}


def test_a_link_is_followed_to_where_the_folder_is_made(tmp_path, tiny):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "atelier")
    make(tmp_path / "link", 0, {**TINY, "processes": 1}, silent)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "atelier" / NAME).read_bytes() == (tiny / NAME).read_bytes()


@pytest.mark.parametrize(
    ("seed", "sizes"),
    [(0, {"products": 10**9}), (0, {"people": 10**7}), (0, {"processes": 10**6}), (-1, {}), (2**63, {})],
)
def test_sizes_and_seeds_have_bounds(tmp_path, seed, sizes):
    with pytest.raises(ConfigError, match="atelier: "):
        make(tmp_path / "out", seed, {**TINY, **sizes}, silent)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_sigterm_cleans_up_and_what_a_killed_make_left_goes_with_the_next(tmp_path):
    command = [
        sys.executable,
        "-m",
        "fashionbench_atelier.generate",
        str(tmp_path / "out"),
        "products=300",
        "people=200",
    ]
    for number, processes in ((signal.SIGTERM, 1), (signal.SIGKILL, 2)):
        with subprocess.Popen([*command, f"processes={processes}"]) as process:
            while not list(tmp_path.glob(".out.*/viton-hd/*/image/*.jpg")):
                assert process.poll() is None
                time.sleep(0.05)
            workers = _children(process.pid)
            process.send_signal(number)
        assert process.returncode == (130 if number == signal.SIGTERM else -number)
        assert len(list(tmp_path.iterdir())) == (0 if number == signal.SIGTERM else 1)
    assert workers
    while any(map(_runs, workers)):
        time.sleep(0.05)
    remove_dead(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def _children(process):
    return [
        int(pid) for task in Path(f"/proc/{process}/task").iterdir() for pid in (task / "children").read_text().split()
    ]


def _runs(process):
    """Tell whether a process runs: one that ended may wait for somebody to ask how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

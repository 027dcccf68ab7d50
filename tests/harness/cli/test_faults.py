"""What the commands say of stores, data and systems that fail them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fashionbench.cli.main import main


def test_a_negative_seed_is_refused(capsys, tmp_path):
    words = ["run", "--task", "wardrobe/image-to-text", "--backend", "control/random", "--store", str(tmp_path)]
    assert main([*words, "--seed", "-1"]) == 2
    assert "-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["rescore", "{}"],
        ["rescore", "--store", "{}"],
        ["records", "verify", "--store", "{}"],
        ["records", "list", "--store", "{}"],
        ["records", "show", "ab", "--store", "{}"],
        ["records", "invalidate", "ab", "--reason", "x", "--store", "{}"],
        ["board", "quickstart", "--store", "{}"],
    ],
)
def test_a_store_that_is_not_there_is_said(words, tmp_path, capsys):
    absent = str(tmp_path / "absent")
    assert main([word.format(absent) for word in words]) == 2
    assert f"there is no store at {absent}" in capsys.readouterr().err


UNWRITABLE = [
    ("run", "--task", "toy/squares", "--backend", "toy/colour"),
    ("audit", "fashion-iq", "--root", "."),
    ("score", "toy/squares", "--predictions", "r.json"),
]


@pytest.mark.parametrize("words", UNWRITABLE, ids=lambda words: words[0])
@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_store_that_cannot_be_written_is_one_line(cli, tmp_path, words, place):
    (tmp_path / "file").write_text("x")
    (tmp_path / "r.json").write_text('{"a": ["b"]}')
    code, out, err = cli(*words, "--store", place)
    if place == "file":  # click knows that a file is no folder
        assert code == 2
        return
    assert (code, out) == (2, "")
    lines = err.strip().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: the store {place} cannot be written: ")
    assert lines[1].startswith("  try: ")


def test_a_failed_cell_is_shown_with_its_remedy_and_an_unforeseen_error_with_its_kind(cli, plugins):
    code, out, _ = cli("run", "--task", "toy/squares", "--backend", "toy/nan", "--backend", "toy/raises")
    assert code == 1
    lines = out.splitlines()
    place = next(at for at, line in enumerate(lines) if "toy/nan: error: " in line)
    assert lines[place + 1].startswith("  try: ")
    assert "toy/raises: error: ZeroDivisionError: a bug in a model" in out


def test_the_board_after_a_run_lists_no_failure_of_rows_that_it_did_not_include(cli, tmp_path):
    run = ("run", "--task", "toy/squares", "--backend")
    assert "toy/nan" in cli(*run, "toy/nan", "--backend", "toy/colour")[1]
    code, out, _ = cli(*run, "toy/counting")
    assert code == 0
    assert "toy/counting" in out
    assert "toy/colour" in out, "what was measured earlier stands beside it"
    assert "toy/nan" not in out
    assert "toy/nan" not in (tmp_path / "results" / "boards" / "run.html").read_text(encoding="utf-8")
    # A board that has a name shows all of the store.
    assert "toy/nan" in cli("run", "toy", "--backend", "toy/counting")[1]


def test_a_seed_that_failed_earlier_is_told_of_a_row_that_is_run(cli, monkeypatch):
    import toy_plugin

    run = ("run", "--task", "toy/squares", "--backend", "toy/counting", "--seed")
    with monkeypatch.context() as broken:
        broken.setattr(toy_plugin.Counting, "encode_images", toy_plugin.Raises.encode_images)
        assert cli(*run, "1")[0] == 1
    code, out, _ = cli(*run, "2")
    assert code == 0
    assert "failed-seed" in out


def test_missing_and_unreadable_images_are_one_line(cli, tmp_path):
    from PIL import Image

    root = tmp_path / "squares"
    root.mkdir()
    colours = ("red", "green", "blue", "yellow", "black", "white", "pink")
    for name in colours:
        Image.new("RGB", (4, 4), name).save(root / f"{name}.png")
    (root / "pink.png").write_bytes(b"no image")
    _, out, _ = cli("run", "--task", "toy/folder", "--backend", "toy/colour", "--data", f"toy-folder={root}")
    lines = [line for line in out.splitlines() if " images missing" in line]
    assert lines == ["toy/folder: 1 of 8 images missing: brown; 1 of 8 images unreadable: pink"]
    for name in colours:
        (root / f"{name}.png").unlink()
    code, out, err = cli("run", "--task", "toy/folder", "--backend", "toy/colour", "--data", f"toy-folder={root}")
    assert code == 1
    assert "none of the 8 images of toy-folder is there" in out
    assert f"looked for black.png in {root}, which holds nothing" in err
    assert f"looked for black.png in …/{root.name}, which holds nothing" in out, "records name no folder"


def test_a_cell_without_any_metric_warns_and_counts_as_failed(cli, plugins, tmp_path):
    import dataclasses

    spec = plugins.tasks["toy/squares"]
    wordy = dataclasses.replace(spec, metrics=("bleu-2", "cider"), main_metric="cider")
    plugins.tasks.put(wordy, plugins.tasks.origin(spec.id))
    code, out, err = cli("run", "--task", "toy/squares", "--backend", "toy/colour")
    assert code == 1
    assert "warning: toy/squares × toy/colour has no metric at all" in err
    assert "cider is absent" in out
    assert cli("run", "--task", "toy/squares", "--backend", "toy/colour", "--json")[0] == 1
    queries = {
        f"image-{name}": ["text-red"] for name in ("red", "green", "blue", "yellow", "black", "white", "pink", "brown")
    }
    (tmp_path / "r.json").write_text(json.dumps(queries))
    code, _, err = cli("score", "toy/squares", "--predictions", "r.json")
    assert (code, "has no metric at all" in err) == (1, True)


def test_an_error_of_the_system_has_no_traceback(cli, tmp_path):
    cli("run", "toy")
    code, _, err = cli("board", "toy", "--output", "/proc/board.md", "--format", "markdown")
    assert code == 2
    assert err.startswith("error: No such file or directory at ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--task", "toy/squares", "--backend", "toy/color"], ["run", "--task", "toy/squarse", "--backend", "toy/colour"],
        ["run", "--task", "toy/squares", "--backend", "toy/colour", "--board", "nowhere"],
        ["score", "toy/squarse", "--predictions", "r.json"],
    ],
)  # fmt: skip
def test_no_store_is_made_for_names_that_are_not_there(cli, tmp_path, words):
    (tmp_path / "r.json").write_text("{}")
    code, _, err = cli(*words, "--store", "new")
    assert (code, err.startswith("error: unknown ")) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_a_command_makes_is_said_and_none_of_a_store_is_written_to(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = ["run", "--task", "toy/squares", "--backend", "toy/colour", "--store", "new/store"]
    assert "made the folder new/store, and new above it" in cli(*run)[2]
    assert "made the folder" not in cli(*run)[2]
    words = ["export", "bencher", "--store", "new/store", "--out"]
    assert cli(*words, "a/b")[::2] == (0, "made the folder a/b, and a above it\n")
    assert cli(*words, "a/b")[::2] == (0, "")
    store = tmp_path / "new" / "store"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    for place in ("new/store", "new/store/records"):
        for command in (words, ["publish", "toy", "--store", "new/store", "--out"]):
            code, _, err = cli(*command, place)
            assert code == 2 and "is a place of the store" in err
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_disk_that_is_full_where_a_file_is_written_is_no_matter_of_the_store(cli):
    cli("run", "--task", "toy/squares", "--backend", "toy/colour", "--store", "s")
    code, _, err = cli("board", "toy", "--store", "s", "--format", "html", "--output", "/dev/full")
    assert (code, err.splitlines()[0]) == (2, "error: No space left on device at /dev/full")
    assert "name a file on another disk" in err and "--store" not in err

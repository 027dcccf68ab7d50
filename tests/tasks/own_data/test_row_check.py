"""Templates, the check of rows, and the list of a task's ids, by the command line."""

from __future__ import annotations

import csv
import json
import shlex

import pytest
from PIL import Image

from fashionbench.cli.main import main
from fashionbench_tasks.datasets.manifest import Manifest

KINDS = ("pairs", "images", "triplets", "try-on", "design")


@pytest.fixture
def photos(tmp_path):
    """A folder with three photos, one of them in a folder below."""
    for name in ("b.png", "a.jpg", "more/c.png"):
        path = tmp_path / "own" / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return tmp_path / "own"


def rows(root):
    with (root / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_of_its_kind(kind, tmp_path, capsys):
    assert main(["data", "new", kind, "--out", str(tmp_path / "own")]) == 0
    assert Manifest(tmp_path / "own").kind == kind
    # Its images are examples that are not there, and each is said to be missing.
    assert main(["data", "check", str(tmp_path / "own")]) == 1
    out = capsys.readouterr().out
    assert "row 2:" in out and "is not there: looked for" in out


def test_each_image_of_a_folder_becomes_a_row(photos, capsys):
    assert main(["data", "new", "pairs", "--out", str(photos), "--images", str(photos / "photos")]) == 0
    assert [row["image"] for row in rows(photos)] == ["photos/a.jpg", "photos/b.png", "photos/more/c.png"]
    assert main(["data", "check", str(photos)]) == 1
    assert capsys.readouterr().out.count("text is empty") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pair"], "did you mean pairs"),
        (["pairs", "--images", "/usr/share"], "lies outside"),
        (["pairs", "--images", "empty"], "holds no image"),
    ],
)
def test_a_template_that_cannot_be_written(arguments, message, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    if "/usr/share" in arguments:
        Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
        arguments = ["pairs", "--images", str(tmp_path)]
        (photos / "sub").mkdir()
        photos = photos / "sub"
    assert main(["data", "new", *arguments, "--out", str(photos)]) == 2
    assert message in capsys.readouterr().err
    assert not (photos / "manifest.csv").exists()


def test_a_manifest_is_never_overwritten(photos, capsys):
    assert main(["data", "new", "pairs", "--out", str(photos)]) == 0
    before = (photos / "manifest.csv").read_bytes()
    assert main(["data", "new", "images", "--out", str(photos)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (photos / "manifest.csv").read_bytes() == before


def test_every_wrong_row_is_explained_and_no_right_one(photos, capsys):
    (photos / "photos" / "b.png").write_bytes(b"no image")
    lines = [
        "image,text,split",
        "photos/a.jpg,a dress,test",
        "photos/b.png,a dress,test",
        "photos/gone.png,a dress,test",
        "photos/a.jpg,,test",
        "photos/a.jpg,a skirt,dev",
        "photos/a.jpg,a dress,test",
        "photos/more/c.png,a shirt,train",
    ]
    (photos / "manifest.csv").write_text("\n".join(lines) + "\n")
    assert main(["data", "check", str(photos), "--json"]) == 1
    faults = json.loads(capsys.readouterr().out)
    assert [fault.partition(":")[0] for fault in faults] == ["row 3", "row 4", "row 5", "row 6", "row 7"]
    wanted = ("cannot be read", "'photos/gone.png' is not there", "text is empty", "split is 'dev', and not train or val or test", "the same as row 2")  # fmt: skip
    for fault, words in zip(faults, wanted, strict=True):
        assert words in fault
    (photos / "manifest.csv").write_text("\n".join([lines[0], lines[1], lines[7]]) + "\n")
    assert main(["data", "check", str(photos)]) == 0
    assert "every row is right" in capsys.readouterr().out


def test_the_check_sees_what_only_the_whole_shows(photos, capsys):
    (photos / "manifest.csv").write_text("image,text,split\nphotos/a.jpg,a dress,train\n")
    assert main(["data", "check", str(photos)]) == 2
    assert "only rows to train on" in capsys.readouterr().err


def test_a_mask_that_a_run_would_refuse_is_a_wrong_row(tmp_path, capsys):
    masks = {
        "right": ((10, 20), (2, 2, 8, 10)),
        "black": ((10, 20), None),
        "inverted": ((10, 20), (2, 2, 8, 10)),
        "stretched": ((20, 20), (2, 2, 8, 10)),
    }
    Image.new("RGB", (10, 20)).save(tmp_path / "person.png")
    for name, (size, box) in masks.items():
        outside = 255 if name == "inverted" else 0
        mask = Image.new("L", size, outside)
        if box:
            mask.paste(255 - outside, box)
        mask.save(tmp_path / f"{name}.png")
    lines = [f"person.png,person.png,{name}.png" for name in masks]
    (tmp_path / "manifest.csv").write_text("\n".join(["person,garment,mask", *lines]))
    assert main(["data", "check", str(tmp_path)]) == 1
    faults = capsys.readouterr().out.splitlines()
    assert [fault.partition(":")[0] for fault in faults] == ["row 3", "row 4", "row 5"]
    assert [name in fault for name, fault in zip(("black", "inverted", "stretched"), faults, strict=True)] == [True] * 3


def test_ids_and_a_template_that_score_takes(photos, tmp_path, capsys):
    (photos / "manifest.csv").write_text("image,text\nphotos/a.jpg,a dress\nphotos/b.png,a shirt\n")
    data = ["--data", f"manifest={photos}"]
    captions = tmp_path / "captions.jsonl"
    assert main(["items", "manifest/captioning", *data, "--template", str(captions)]) == 0
    # The command that is printed, as a user pastes it.
    score = shlex.split(capsys.readouterr().out.partition("then '")[2].strip().removesuffix("'"))[1:]
    filled = [{**json.loads(line), "caption": "a dress"} for line in captions.read_text().splitlines()]
    assert [entry["id"] for entry in filled] == ["photos/a.jpg", "photos/b.png"]
    captions.write_text("\n".join(map(json.dumps, filled)))
    assert main([*score, "--store", str(tmp_path / "store")]) == 0
    hits = tmp_path / "hits.json"
    assert main(["items", "manifest/text-to-image", *data, "--template", str(hits)]) == 0
    empty = json.loads(hits.read_text())
    assert empty == {"text/photos/a.jpg": [], "text/photos/b.png": []}
    hits.write_text(json.dumps({name: [name.removeprefix("text/")] for name in empty}))
    score = ["score", "manifest/text-to-image", "--predictions", str(hits), *data]
    assert main([*score, "--store", str(tmp_path / "store")]) == 0
    capsys.readouterr()
    assert main(["items", "manifest/text-to-image", *data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["slices"]["text-to-image"]["gallery"] == ["photos/a.jpg", "photos/b.png"]


def test_ids_of_images_to_generate_name_the_files_of_a_mapping(photos, tmp_path, capsys):
    (photos / "manifest.csv").write_text("person,garment,target\nphotos/a.jpg,photos/b.png,photos/a.jpg\n")
    mapping = tmp_path / "images" / "mapping.json"
    data = ["--data", f"manifest={photos}"]
    mapping.parent.mkdir()
    assert main(["items", "manifest/try-on", *data, "--template", str(mapping)]) == 0
    (name,) = json.loads(mapping.read_text())
    Image.new("RGB", (384, 512)).save(mapping.parent / "made.png")
    mapping.write_text(json.dumps({name: "made.png"}))
    score = ["score", "manifest/try-on", "--predictions", str(mapping.parent), *data]
    assert main([*score, "--store", str(tmp_path / "store")]) == 0
    assert "psnr" in capsys.readouterr().out


def test_a_row_of_judgements_that_ends_early_is_listed_among_the_others(photos, capsys):
    (photos / "manifest.csv").write_text("image,text\nphotos/a.jpg,a dress\nphotos/b.png,a shirt\n")
    judged = "query_id,candidate_id,grade\na dress,photos/b.png,1\na dress,photos/a.jpg\na shirt,photos/b.png,high\n"
    (photos / "qrels.csv").write_text(judged + "a shirt,photos/b.png,1,2\n")
    assert main(["data", "check", str(photos)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == [
        "qrels.csv, row 3: it has fewer values than columns",
        "qrels.csv, row 4: the grade 'high' is no finite number",
        "qrels.csv, row 5: it has more values than columns",
    ]
    # A run still ends at the first of them.
    assert main(["run", "--task", "manifest/text-to-image-graded", "--backend", "control/random", "--data", f"manifest={photos}"]) != 0  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("qrels.txt", "q 0 a.png 1\na\\ dress\tphotos/a.jpg\n", ["qrels.txt, row 2: it has 2 fields, and query, 0"]),
        ("qrels.txt", "zz 0 b 1\nzz 0 b c 1\n", ["row 1: 'zz' is no query", "row 2: it has 5 fields"]),
        ("qrels.jsonl", '[1]\n{"query_id"\n', ["qrels.jsonl, row 1: it is no object", "row 2: it is not JSON"]),
    ],
)
def test_lines_of_judgements_in_other_forms_are_listed_too(photos, capsys, name, text, faults):
    (photos / "manifest.csv").write_text("image,text\nphotos/a.jpg,a dress\nphotos/b.png,a shirt\n")
    (photos / name).write_text(text)
    assert main(["data", "check", str(photos)]) == 1
    out = capsys.readouterr().out
    assert all(fault in out for fault in faults)


def test_rows_of_the_manifest_that_cannot_be_read_are_listed_in_their_places(photos, capsys):
    lines = ["image,text,split", "photos/a.jpg,,test", "photos/a.jpg", "photos/a.jpg,a,b,test", "photos/b.png,a,dev"]
    (photos / "manifest.csv").write_text("\n".join(lines))
    assert main(["data", "check", str(photos), "--json"]) == 1
    faults = json.loads(capsys.readouterr().out)
    assert [fault.partition(":")[0] for fault in faults] == ["row 2", "row 3", "row 4", "row 5"]
    assert faults[1:3] == ["row 3: it has fewer values than columns", "row 4: it has more values than columns"]
    (photos / "manifest.csv").unlink()
    (photos / "manifest.jsonl").write_text('{"image": ["photos/a.jpg"], "text": "a"}\n[]\n')
    assert main(["data", "check", str(photos), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == ["row 1: image is a list", "row 2: it is no object"]

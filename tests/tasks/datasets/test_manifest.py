from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts import manifest_pairs, manifest_triplets
from fashionbench_atelier.world.captions import description
from fashionbench_tasks.datasets.manifest import Manifest

KINDS = {"manifest-pairs": "pairs", "manifest-triplets": "triplets", "manifest-try-on": "try-on"}
ROWS = [{"image": "a.png", "text": 'blue, "long" dress', "group": "1"}, {"image": "b.png", "text": "", "group": "1"}]


def write(root, rows, form, encoding="utf-8"):
    path = root / f"manifest.{form}"
    if form == "csv":
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_every_kind_is_recognised_and_whole(twin, name, kind):
    data = Manifest(twin / name)
    assert data.kind == kind
    found = status(name, data, twin / name, {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable), found.synthetic) == ((), (), {}, True)
    assert found.counts["rows"][0] == len(data.rows)


def test_pairs_are_those_of_the_world(twin, source):
    data = Manifest(twin / "manifest-pairs")
    world = source.world
    assert [(r["image"], r["text"], r["group"], r["split"]) for r in data.rows] == [
        (f"images/{i}_{at}.jpg", description(world.seed, product).text, str(i), source.splits[i])
        for product in manifest_pairs.chosen(source)
        for i, at in source.photo_keys(product)
    ]
    assert data.counts()["groups"] == len(manifest_pairs.chosen(source)) == 60


def test_triplets_are_those_of_the_world(twin, source):
    rows = Manifest(twin / "manifest-triplets").rows
    assert [(row["reference"], row["target"], row["split"]) for row in rows] == [
        (f"images/{one.reference}.jpg", f"images/{one.target}.jpg", source.splits[one.target])
        for one in manifest_triplets.chosen(source)
    ]
    assert all(row["text"] for row in rows)


def test_try_on_shows_the_images_of_viton_hd(twin):
    for row in Manifest(twin / "manifest-try-on").rows:
        name = row["person"].removeprefix("person/")
        for kind, folder in (("person", "image"), ("garment", "cloth")):
            original = twin / "viton-hd" / row["split"] / folder / name
            assert (twin / "manifest-try-on" / row[kind]).read_bytes() == original.read_bytes()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_three_formats_say_the_same(tmp_path, form):
    write(tmp_path, ROWS, form)
    data = Manifest(tmp_path)
    assert data.rows == ROWS
    assert data.counts() == {"rows": 2, "images": 2, "groups": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path, encoding):
    write(tmp_path, [{"image": "a.png", "text": "robe à fleurs"}], "csv", encoding)
    data = Manifest(tmp_path)
    assert data.kind == "pairs"
    assert data.rows == [{"image": "a.png", "text": "robe à fleurs"}]


def test_a_csv_in_another_encoding_is_refused(tmp_path):
    write(tmp_path, [{"image": "a.png", "text": "robe à fleurs"}], "csv", "iso-8859-1")
    with pytest.raises(DataError, match=r"manifest\.csv is no CSV in UTF-8"):
        Manifest(tmp_path).counts()


def test_numbers_and_nothing_become_texts(tmp_path):
    rows = [{"image": "a.png", "text": None, "group": 7}]
    write(tmp_path, rows, "jsonl")
    assert Manifest(tmp_path).rows == [{"image": "a.png", "text": "", "group": "7"}]


@pytest.mark.parametrize(("form", "number"), [("csv", 3), ("jsonl", 2), ("parquet", 2)])
def test_a_row_without_an_image_is_named(tmp_path, form, number):
    write(tmp_path, [ROWS[0], {**ROWS[1], "image": ""}], form)
    with pytest.raises(DataError, match=rf"manifest\.{form}, row {number} has no image"):
        Manifest(tmp_path).counts()


def test_a_row_without_the_key_of_the_text_is_named(tmp_path):
    write(tmp_path, [ROWS[0], {"image": "b.png"}], "jsonl")
    with pytest.raises(DataError, match="row 2 has no text"):
        Manifest(tmp_path).counts()


def test_a_row_with_too_many_values_is_named(tmp_path):
    (tmp_path / "manifest.csv").write_text("image,text\na.png,blue dress\nb.png,red, long dress\n")
    with pytest.raises(DataError, match="row 3 has more values than columns"):
        Manifest(tmp_path).counts()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("manifest.csv", b"image,text\n", "has no rows"),
        ("manifest.csv", b"picture,words\na,b\n", "has the columns picture, words"),
        ("manifest.jsonl", b'{"image": "a.png", "text": "x"}\n{', "line 2 is not JSON"),
        ("manifest.jsonl", b"[1]\n", "entry 1 is no object"),
        ("manifest.jsonl", b"\xff\n", "is not UTF-8"),
        ("manifest.parquet", b"PAR0", "is no Parquet file"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        Manifest(tmp_path).counts()
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png"])
def test_an_image_cannot_lead_out_of_the_folder(tmp_path, name):
    write(tmp_path, [{"image": name, "text": "x"}], "csv")
    with pytest.raises(DataError, match="leads out"):
        Manifest(tmp_path).images()


def test_missing_and_extra_images_are_named(tmp_path):
    write(tmp_path, ROWS, "csv")
    for name in ("a.png", "c.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = status("manifest", Manifest(tmp_path), tmp_path, {})
    assert (found.missing, found.extra, found.synthetic) == (("b.png",), ("c.png",), False)


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"looked for manifest\.csv, manifest\.parquet, manifest\.jsonl"):
        Manifest(tmp_path)
    with pytest.raises(DataError, match="root folder"):
        Manifest(None)

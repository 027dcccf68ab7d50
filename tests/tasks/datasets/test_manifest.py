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


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "..\\x.png", "C:\\data\\x.png"])
def test_an_image_cannot_lead_out_of_the_folder(tmp_path, name):
    write(tmp_path, [{"image": name, "text": "x"}], "csv")
    with pytest.raises(DataError, match="leads out"):
        Manifest(tmp_path).images()


def found(root, files, names):
    """Save images, list names in a manifest, and tell which file each name has found."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / file, format="PNG")
    write(root, [{"image": name, "text": "x"} for name in names], "csv")
    return {name: str(path.relative_to(root)) for name, path in Manifest(root).images().items() if path.is_file()}


NFC, NFD = "T\u00e9b\u00e9", "Te\u0301be\u0301"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"images/{NFD}.png", f"images/{NFC}.png"),
        (f"images/{NFC}.png", f"images/{NFD}.png"),
        (f"{NFD}/0.png", f"{NFC}/0.png"),
        ("0.PNG", "0.png"),
        ("0.jpg", "0.png"),
        ("0.webp", "0.JPG"),
        ("Images/B00A.jpg", "images/b00a.png"),
        (f"images/{NFD}.JPG", f"images/{NFC}.png"),
        ("a.b.jpg", "a.b"),
    ],
)
def test_what_is_there_is_found_in_another_form_case_or_extension(tmp_path, file, name):
    (tmp_path / "data").mkdir()
    assert found(tmp_path / "data", [file, "other.png"], [name]) == {name: file}
    assert file not in Manifest(tmp_path / "data").extra()


@pytest.mark.parametrize(
    ("files", "names", "said"),
    [
        (["0.jpg"], ["0.jpg", "0.png"], {"0.jpg": "0.jpg"}),  # the file of another row
        (["0.jpg", "0.webp"], ["0.png"], {}),  # either may be meant
        (["0.jpg"], ["0.png", "0.bmp"], {}),  # of either row
        (["a.PNG", "a.jpg"], ["a.png"], {"a.png": "a.PNG"}),  # the nearest
        (["A.png"], ["A.png", "a.png"], {"A.png": "A.png"}),
        (["A/0.png", "a/0.png"], ["A/0.png", "a/0.png"], {"A/0.png": "A/0.png", "a/0.png": "a/0.png"}),
        (["0.txt.png", "00.png"], ["0.png"], {}),
    ],
)
def test_a_file_that_may_be_another_image_is_not_taken(tmp_path, files, names, said):
    assert found(tmp_path, files, names) == said


def test_a_name_in_another_form_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "data").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "0.PNG", format="PNG")
    for name in ("../0.png", "images/../../0.png", str(tmp_path / "0.png")):
        with pytest.raises(DataError, match="leads out"):
            found(tmp_path / "data", [], [name])


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


NAN = float("nan")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_is_no_number_is_no_group(tmp_path, form):
    rows = [{"image": f"{at}.png", "text": "x", "group": group} for at, group in enumerate([1.0, NAN, None, 2.0])]
    write(tmp_path, rows, form)
    groups = [row["group"] for row in Manifest(tmp_path).rows]
    assert groups == (["1.0", "", "", "2.0"] if form == "csv" else ["1", "", "", "2"])


@pytest.mark.parametrize("null", ["NaN", "nan", "<NA>", "None", "null"])
def test_the_names_of_nothing_are_no_group(tmp_path, null):
    (tmp_path / "manifest.csv").write_text(f"image,text,group\na.png,nan,{null}\nb.png,y,7\n")
    assert [(row["text"], row["group"]) for row in Manifest(tmp_path).rows] == [("nan", ""), ("y", "7")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (7.0, "7"), (7.5, "7.5"), (-3.0, "-3"), (1e30, "1e+30"), ("007", "007"), (True, "True")],
)
def test_ids_keep_their_plain_text(tmp_path, value, text):
    write(tmp_path, [{"image": "a.png", "text": "x", "group": value}], "jsonl")
    assert Manifest(tmp_path).rows[0]["group"] == text


@pytest.mark.parametrize(
    ("form", "row", "said"),
    [
        ("jsonl", {"image": "b.png", "text": ["one", "two"]}, "row 2: text is a list .*one row a text"),
        ("parquet", {"image": "b.png", "text": ["one", "two"]}, "row 1: text is a list"),
        ("jsonl", {"image": {"path": "b.png"}, "text": "x"}, "row 2: image is an object"),
        ("parquet", {"image": {"path": "b.png"}, "text": "x"}, "row 1: image is an object"),
        (
            "parquet",
            {"image": "b.png", "text": "x", "group": {"path": "b", "bytes": b"1"}},
            "row 1: group is an object",
        ),
        ("parquet", {"image": "b.png", "text": "x", "group": b"1"}, "row 1: group is bytes"),
    ],
)
def test_what_is_no_text_is_named_with_its_row(tmp_path, form, row, said):
    write(tmp_path, ([{"image": "a.png", "text": "x"}] if form == "jsonl" else []) + [row], form)
    with pytest.raises(DataError, match=said) as caught:
        Manifest(tmp_path).counts()
    assert len(str(caught.value)) < 400


def test_a_row_that_ends_early_is_named(tmp_path):
    (tmp_path / "manifest.csv").write_text("image,text\na.png,blue dress\nb.png\nc.png,red\n")
    with pytest.raises(DataError, match="row 3 has fewer values than columns"):
        Manifest(tmp_path).counts()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.csv", "image,text,text\na.png,x,y\n"),
        ("manifest.jsonl", '{"image": "a.png", "text": "x", "text": "y"}\n'),
    ],
)
def test_two_columns_of_one_name_are_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match="has two columns 'text'"):
        Manifest(tmp_path).counts()


def test_two_columns_of_one_name_are_refused_in_parquet(tmp_path):
    columns = [pa.array(["a.png"]), pa.array(["x"]), pa.array(["y"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["image", "text", "text"]), tmp_path / "manifest.parquet")
    with pytest.raises(DataError, match="has two columns 'text'"):
        Manifest(tmp_path).counts()


def with_splits(root, *splits):
    write(root, [{"image": f"{at}.png", "text": "x", "split": split} for at, split in enumerate(splits)], "csv")
    return Manifest(root)


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (("train", "Test", "Test"), "split is 'Test' in 2 rows"),
        (("train", "validation"), "split is 'validation' in 1 rows"),
        (("train", "test", "Test", " test", "dev", "dev"), "split is ' test' in 1 rows, 'Test' in 1 rows, 'dev' in 2"),
        (("train", "test", ""), "split is '' in 1 rows"),
        (("train", "test", "NaN"), "split is '' in 1 rows"),
    ],
)
def test_unknown_splits_are_named_with_their_number_of_rows(tmp_path, splits, said):
    with pytest.raises(DataError, match=said):
        with_splits(tmp_path, *splits).counts()


def test_one_split_is_measured_and_none_is_merged(tmp_path):
    assert with_splits(tmp_path, "train", "val", "test", "val").measured[0] == "test"
    assert [row["image"] for row in Manifest(tmp_path).measured[1]] == ["2.png"]
    assert [row["image"] for row in with_splits(tmp_path, "train", "val", "val").measured[1]] == ["1.png", "2.png"]
    write(tmp_path, [{"image": "a.png", "text": "x"}], "csv")
    assert Manifest(tmp_path).measured == ("all", [{"image": "a.png", "text": "x"}])
    with pytest.raises(DataError, match="only rows to train on"):
        _ = with_splits(tmp_path, "train", "train").measured


@pytest.mark.parametrize("name", ["images\\0.png", "a\\b\\0.png"])
def test_a_backslash_is_named_with_its_remedy(tmp_path, name):
    write(tmp_path, [{"image": name, "text": "x"}], "csv")
    with pytest.raises(DataError, match="has a backslash") as caught:
        Manifest(tmp_path).images()
    assert caught.value.remedy == f"write / in its place, as in {name.replace(chr(92), '/')!r}"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("image;text;group", r"the columns 'image;text;group' with the delimiter ';', and ',' is looked for"),
        ("image\ttext", r"with the delimiter '\\t', and ',' is looked for"),
        ("image|text", r"with the delimiter '\|'"),
        ('"image";"text"', r"with the delimiter ';'"),
        ("Image,Text", r"has the column 'Image', and 'image' is looked for"),
        ("image,TEXT", r"has the column 'TEXT', and 'text' is looked for"),
        ("image, text", r"has the column ' text', and 'text' is looked for"),
        ("image,text,Split", r"has the column 'Split', and 'split' is looked for"),
        ("image,text, group", r"has the column ' group', and 'group' is looked for"),
        ("image,text,Slice:Brand", r"has the column 'Slice:Brand', and 'slice:Brand' is looked for"),
        ("Person,garment,size", r"has the column 'Person', and 'person' is looked for"),
    ],
)
def test_columns_in_other_letters_or_with_another_delimiter_are_named(tmp_path, header, said):
    sign = next((sign for sign in ";\t|" if sign in header), ",")
    row = sign.join(["a.png", "a long, blue dress" if sign != "," else "a dress", "1"][: header.count(sign) + 1])
    (tmp_path / "manifest.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(DataError, match=said) as caught:
        Manifest(tmp_path).counts()
    assert "manifest.csv" in caught.value.message
    if sign == ",":  # the other forms of manifests have no delimiter, and columns as well
        (tmp_path / "manifest.csv").unlink()
        write(tmp_path, [dict(zip(header.split(","), row.split(","), strict=True))], "jsonl")
        with pytest.raises(DataError, match=said):
            Manifest(tmp_path).counts()


def test_a_column_of_another_name_in_capitals_is_not_read_and_no_fault(tmp_path):
    write(tmp_path, [{"image": "a.png", "text": "x", "Text": "y", "Brand": "acme"}], "csv")
    assert Manifest(tmp_path).others == ["Brand", "Text"]


@pytest.mark.parametrize("column", ["group", "slice:brand"])
@pytest.mark.parametrize(
    "names", [("1", "1 "), (" a", "a"), ("a b", "a  b"), ("a\u00a0b", "a b"), ("\u00e9", "e\u0301")]
)
def test_names_that_differ_in_blanks_or_unicode_form_alone_are_refused(tmp_path, column, names):
    rows = [{"image": f"{at}.png", "text": "x", column: name} for at, name in enumerate([names[0], "other", names[1]])]
    write(tmp_path, rows, "csv")
    with pytest.raises(DataError, match=rf"manifest\.csv: {column} is .* in row 2 and .* in row 4, which differ"):
        Manifest(tmp_path).counts()
    write(tmp_path, [*rows[:2], rows[0]], "csv")
    assert Manifest(tmp_path).counts()["rows"] == 3


@pytest.mark.parametrize("column", ["group", "slice:brand"])
def test_a_name_of_blanks_alone_is_refused(tmp_path, column):
    write(tmp_path, [{"image": f"{at}.png", "text": "x", column: " "} for at in range(2)], "csv")
    with pytest.raises(DataError, match=f"row 2: {column} holds blanks alone"):
        Manifest(tmp_path).counts()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("manifest.csv", "manifest.jsonl"), "holds manifest.csv and manifest.jsonl"),
        (("manifest.parquet", "MANIFEST.CSV"), "holds MANIFEST.CSV and manifest.parquet"),
        (("manifest.csv", "Manifest.csv"), "holds Manifest.csv and manifest.csv"),
    ],
)
def test_two_manifests_in_one_folder_are_an_error_that_names_both(tmp_path, names, said):
    for name in names:
        (tmp_path / name).write_text("image,text\na.png,x\n")
    with pytest.raises(DataError, match=said):
        Manifest(tmp_path)


def test_a_manifest_in_capitals_is_read(tmp_path):
    (tmp_path / "MANIFEST.CSV").write_text("image,text\na.png,x\n")
    assert Manifest(tmp_path).rows == [{"image": "a.png", "text": "x"}]

"""A path that leads into a shard or a Parquet file is read as a file is."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fashionbench.data.file_index import FileIndex
from fashionbench.data.images import read_rgb, stamp
from fashionbench.data.integrity import survey
from fashionbench.data.packed_files import container_of, is_there, sha256
from fashionbench.data.parquet_column import ParquetColumn, embedded_bytes, present_rows
from fashionbench.errors import DataError


def png(at):
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), (at, 2 * at % 256, 255 - at)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def packed(tmp_path):
    """Five pictures as files, in a shard and in a Parquet file of two columns: the same bytes three times."""
    contents = [png(at) for at in range(5)]
    for at, content in enumerate(contents):
        (tmp_path / f"{at}.png").write_bytes(content)
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for at in range(5):
            tar.add(tmp_path / f"{at}.png", f"deep/{at}.png")
    values = [{"bytes": content, "path": f"{at}.png"} for at, content in enumerate(contents)]
    pq.write_table(pa.table({"image": values, "n": range(5)}), tmp_path / "p.parquet", row_group_size=2)
    return tmp_path


PLACES = ["{at}.png", "s.tar/deep/{at}.png", "p.parquet/image/00{at}", "p.parquet/{at}"]


@pytest.mark.parametrize("place", PLACES)
def test_pictures_and_hashes_are_those_of_the_files(packed, place):
    for at in range(5):
        path = packed / place.format(at=at)
        assert is_there(path)
        assert sha256(path) == hashlib.sha256(png(at)).hexdigest()
        assert read_rgb(path).getpixel((0, 0)) == (at, 2 * at % 256, 255 - at)


def test_a_survey_of_packed_pictures_is_that_of_the_files(packed):
    found = [survey({str(at): packed / place.format(at=at) for at in range(5)}) for place in PLACES]
    assert len({one.fingerprint for one in found}) == 1
    assert {tuple(one.forms.items()) for one in found} == {(("PNG", 5),)}


@pytest.mark.parametrize(
    "name",
    [
        "s.tar/5.png",
        "s.tar",
        "s.tar/deep",
        "p.parquet/image/5",
        "p.parquet/other/0",
        "p.parquet/n/0",
        "p.parquet/x",
        "none.tar/1.png",
    ],
)
def test_what_is_not_there_is_missing_and_named(packed, name):
    path = packed / name
    assert is_there(path) == (name == "s.tar")
    with pytest.raises(DataError, match="cannot be read"):
        read_rgb(path)
    if name != "s.tar":
        assert survey({"x": path}).missing == ("x",)


def test_the_state_of_a_packed_file_is_that_of_what_it_lies_in(packed):
    path = packed / "s.tar" / "deep" / "1.png"
    assert stamp(path) == stamp(packed / "s.tar")
    assert container_of(packed / "1.png") is None
    index = packed / "index.sqlite"
    with FileIndex(index) as one:
        before = one.look([path], decode_images=True)[path]
    with tarfile.open(packed / "s.tar", "w") as tar:
        tar.add(packed / "2.png", "deep/1.png")
    with FileIndex(index) as one:
        after = one.look([path], decode_images=True)[path]
    assert (before.sha256, after.sha256) == tuple(hashlib.sha256(png(at)).hexdigest() for at in (1, 2))


def test_a_row_without_a_picture_is_named(tmp_path):
    values = [{"bytes": png(1), "path": None}, {"bytes": None, "path": "a.png"}, None]
    pq.write_table(pa.table({"image": values}), tmp_path / "p.parquet")
    assert present_rows(tmp_path / "p.parquet", "image") == [True, False, False]
    for row in (1, 2):
        with pytest.raises(DataError, match=f"row {row}, column image holds no image"):
            embedded_bytes(tmp_path / "p.parquet", "image", row)


@pytest.mark.parametrize("group", [1, 7, 1000])
def test_rows_are_read_in_any_order_by_many(tmp_path, group):
    values = [at.to_bytes(2, "big") for at in range(300)]
    pq.write_table(pa.table({"image": values}), tmp_path / "p.parquet", row_group_size=group)
    column = ParquetColumn(tmp_path / "p.parquet", "image")
    asked = list(range(300)) * 2
    random.Random(0).shuffle(asked)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(column.at, asked)) == [values[at] for at in asked]


def test_going_back_reads_from_the_row_group_on(tmp_path, monkeypatch):
    pq.write_table(
        pa.table({"image": [bytes([at % 256]) for at in range(1000)]}), tmp_path / "p.parquet", row_group_size=100
    )
    column = ParquetColumn(tmp_path / "p.parquet", "image")
    column.at(999)
    begun = []

    class Counted:
        def __init__(self, file):
            self.file = file

        def iter_batches(self, **options):
            begun.append(options["row_groups"])
            return self.file.iter_batches(**options)

    column._file = Counted(column._file)
    column.at(310)
    column.at(395)
    assert begun == [[3]]
    column.at(381)  # still kept
    assert begun == [[3]]


def test_a_parquet_file_that_is_none_is_named(tmp_path):
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        is_there(tmp_path / "p.parquet" / "image" / "0")

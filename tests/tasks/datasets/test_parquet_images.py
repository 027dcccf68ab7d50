from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fashionbench.data.images import read_rgb
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.parquet_images import ParquetImage, read_columns, require_columns


def png(colour, **more):
    stream = io.BytesIO()
    Image.new("RGB", (3, 2), colour).save(stream, "PNG", **more)
    return stream.getvalue()


def colour_of(image):
    return np.asarray(image.open().image)[0, 0].tolist()


@pytest.fixture
def table(tmp_path):
    """A function that writes values of the column image, in row groups of so many rows."""

    def write(values, rows=1000):
        path = tmp_path / "images.parquet"
        pq.write_table(pa.table({"image": values, "n": list(range(len(values)))}), path, row_group_size=rows)
        return path

    return write


@pytest.mark.parametrize("rows", [7, 1000])
def test_rows_are_read_in_any_order(table, rows):
    path = table([{"bytes": png((at, 0, 255 - at)), "path": f"{at}.png"} for at in range(200)], rows)
    for at in (0, 63, 64, 199, 198, 5, 130):
        image = ParquetImage(f"i{at}", path, at)
        assert (image.open().id, colour_of(image)) == (f"i{at}", [at, 0, 255 - at])


def test_bytes_may_stand_without_a_path(table):
    assert colour_of(ParquetImage("a", table([png((9, 8, 7))]), 0)) == [9, 8, 7]


def test_an_image_is_read_as_a_file_is(table, tmp_path):
    """Turned by its EXIF, and transparent pixels laid on white."""
    turned, clear = io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(turned, "PNG", exif=exif)
    Image.new("RGBA", (2, 2), (10, 20, 30, 0)).save(clear, "PNG")
    path = table([turned.getvalue(), clear.getvalue()])
    (tmp_path / "turned.png").write_bytes(turned.getvalue())
    found = ParquetImage("a", path, 0).open().image
    assert found.size == (4, 6)
    assert np.array_equal(np.asarray(found), np.asarray(read_rgb(tmp_path / "turned.png")))
    assert np.array_equal(np.asarray(found), np.rot90(pixels, -1))
    assert colour_of(ParquetImage("b", path, 1)) == [255, 255, 255]


def test_a_file_that_is_written_anew_is_read_anew(table):
    path = table([png((1, 1, 1))])
    assert colour_of(ParquetImage("a", path, 0)) == [1, 1, 1]
    table([png((2, 2, 2)), png((3, 3, 3))])
    assert colour_of(ParquetImage("a", path, 0)) == [2, 2, 2]


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "holds no image"), (b"no image", "cannot be read"), (b"%!PS", "PostScript"), (png((0, 0, 0))[:40], "read")],
)
def test_what_is_no_image_is_named_by_its_row(table, value, said):
    path = table([png((1, 1, 1)), value])
    with pytest.raises(DataError, match=said) as caught:
        ParquetImage("a", path, 1).open()
    assert f"{path}, row 1, column image" in str(caught.value)


def test_an_image_that_was_left_outside_of_the_file_is_named(table):
    path = table(
        pa.array([{"bytes": None, "path": "a.jpg"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    )
    with pytest.raises(DataError, match="row 0, column image holds no image") as caught:
        ParquetImage("a", path, 0).open()
    assert "the bytes" in caught.value.remedy


def test_columns(table, tmp_path):
    path = table([png((0, 0, 0))] * 3)
    assert require_columns(path, ("image", "n")) == 3
    assert read_columns(path, ("n", "other")) == {"n": [0, 1, 2]}
    with pytest.raises(DataError, match=r"images\.parquet has no column label; it has image, n"):
        require_columns(path, ("n", "label"))
    with pytest.raises(DataError, match=r"none\.parquet is not there"):
        require_columns(tmp_path / "none.parquet", ())
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_columns(path, ("n",))

"""A manifest on images in shards or Parquet files measures what it does on files."""

from __future__ import annotations

import csv
import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from named_colours import COLOURS, NamedColours, png

import fashionbench
from fashionbench.api.data import check_data, new_data
from fashionbench.errors import DataError

TASK = "manifest/text-to-image"


@fashionbench.model("test/packed-colour")
class Colour(NamedColours):
    pass


def plain(root):
    (root / "photos").mkdir(parents=True)
    for name, colour in COLOURS.items():
        (root / "photos" / f"{name}.png").write_bytes(png(colour))
    write(root, [f"photos/{name}.png" for name in COLOURS])


def tarred(root):
    root.mkdir()
    with tarfile.open(root / "shard.tar", "w") as tar:
        for name, colour in COLOURS.items():
            for suffix, content in ((".png", png(colour)), (".txt", f"all in {name}\n".encode())):
                info = tarfile.TarInfo(name + suffix)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


def in_parquet(root):
    root.mkdir()
    columns = {
        "image": [{"bytes": png(c), "path": f"{n}.png"} for n, c in COLOURS.items()],
        "text": [f"all in {n}" for n in COLOURS],
    }
    pq.write_table(pa.table(columns), root / "test-00000-of-00001.parquet")


def write(root, names):
    with (root / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["image", "text"], *([name, f"all in {c}"] for name, c in zip(names, COLOURS, strict=True))]
        )


def run(root, store):
    (record,) = fashionbench.run({"tasks": [TASK], "backends": [Colour], "data": {"manifest": str(root)}}, store=store)
    assert record.status == "ok", record.error
    return record


@pytest.mark.parametrize("pack", [tarred, in_parquet])
def test_values_are_those_of_files(tmp_path, pack):
    plain(tmp_path / "plain")
    pack(tmp_path / "packed")
    made = new_data("pairs", tmp_path / "packed", images=tmp_path / "packed")
    assert made.name == "manifest.csv"
    assert check_data(tmp_path / "packed") == []
    one, other = (run(tmp_path / name, tmp_path / "store") for name in ("plain", "packed"))
    assert one.dataset.sizes == other.dataset.sizes
    values = [{(m.id, m.slice): m.value for m in record.metrics} for record in (one, other)]
    assert values[0] == values[1]
    assert 1.0 in values[0].values()


def test_a_manifest_in_parquet_may_hold_its_images(tmp_path):
    (tmp_path / "own").mkdir()
    columns = {
        "image": [{"bytes": png(c), "path": f"{n}.png"} for n, c in COLOURS.items()],
        "text": [f"all in {n}" for n in COLOURS],
    }
    pq.write_table(pa.table(columns), tmp_path / "own" / "manifest.parquet")
    plain(tmp_path / "plain")
    one, other = (run(tmp_path / name, tmp_path / "store") for name in ("plain", "own"))
    assert [m.value for m in one.metrics] == [m.value for m in other.metrics]


def test_a_row_that_names_nothing_in_a_shard_is_explained(tmp_path):
    tarred(tmp_path / "packed")
    write(tmp_path / "packed", ["shard.tar/red.png", "shard.tar/grey.png", "shard.tar/blue.png"])
    (fault,) = check_data(tmp_path / "packed")
    assert "row 3" in fault and "is not there" in fault
    write(tmp_path / "packed", ["shard.tar/red.png", "shard.tar/../../x.png", "shard.tar/blue.png"])
    with pytest.raises(DataError, match="leads out of"):
        check_data(tmp_path / "packed")

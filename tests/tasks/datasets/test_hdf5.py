from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fashionbench.errors import DataError
from fashionbench_tasks.datasets import hdf5
from fashionbench_tasks.datasets.hdf5 import images, open_hdf5, text_column

h5py = pytest.importorskip("h5py", reason="needs the optional dependencies fashionbench[data]")


@pytest.fixture
def written(tmp_path):
    def write(fill):
        path = tmp_path / "file.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    return write


def external_storage(file):
    secret = file.filename.replace("file.h5", "secret.txt")
    Path(secret).write_bytes(b"root:x:0:0" * 4)
    file.create_dataset("input_name", shape=(4,), dtype="S10", external=[(secret, 0, 40)])


def external_link(file):
    with h5py.File(file.filename.replace("file.h5", "other.h5"), "w") as other:
        other["names"] = np.array([b"a"])
    file["input_name"] = h5py.ExternalLink("other.h5", "names")


def soft_link(file):
    file["there"] = np.array([b"a"])
    file["input_name"] = h5py.SoftLink("/there")


def dangling_link(file):
    file["input_name"] = h5py.SoftLink("/nowhere")


def virtual(file):
    with h5py.File(file.filename.replace("file.h5", "other.h5"), "w") as other:
        other["names"] = np.array([b"a"])
    layout = h5py.VirtualLayout(shape=(1,), dtype="S1")
    layout[:] = h5py.VirtualSource("other.h5", "names", shape=(1,))
    file.create_virtual_dataset("input_name", layout)


def group(file):
    file.create_group("input_name")


def rank(file):
    file["input_name"] = np.array([[b"a", b"b"]])


def references(file):
    file["x"] = 1
    file.create_dataset("input_name", data=[file["x"].ref], dtype=h5py.ref_dtype)


def bomb(file):
    file.create_dataset("input_name", shape=(1 << 32,), dtype="S1000", chunks=(1024,), compression="gzip")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (external_storage, "lies in other files"),
        (external_link, "is a link to other.h5"),
        (soft_link, "is a link to another place"),
        (dangling_link, "is a link to another place"),
        (virtual, "a virtual data set of other files"),
        (group, "is a group"),
        (rank, r"of shape \[1, 2\]"),
        (references, "and not texts"),
        (bomb, "more than"),
        (lambda file: None, "has no input_name"),
    ],
)
def test_what_lies_elsewhere_or_is_of_another_form_is_refused(written, fill, said):
    path = written(fill)
    with open_hdf5(path) as file, pytest.raises(DataError, match=said) as raised:
        text_column(file, "input_name", path)
    assert str(path) in raised.value.message
    assert "root:x" not in raised.value.message


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 3), np.float32), np.zeros((1, 1, 9000, 3), np.uint8), np.zeros((1, 0, 4, 3), np.uint8)],
)  # fmt: skip
def test_images_of_another_form_are_refused(written, array):
    path = written(lambda file: file.create_dataset("input_image", data=array))
    with open_hdf5(path) as file, pytest.raises(DataError, match="and not uint8"):
        images(file, "input_image", path)


def test_texts_are_read_in_their_encoding_and_numbers_as_texts(written):
    def fill(file):
        file.create_dataset(
            "a", data=np.array([["Schürze".encode("latin-1")], [b"b"]]), compression="gzip", shuffle=True
        )
        file.create_dataset("b", data=[7, 8])
        file.create_dataset("c", data=["x", "yy"], dtype=h5py.string_dtype())

    path = written(fill)
    with open_hdf5(path) as file:
        assert [text_column(file, key, path) for key in "abc"] == [["Schürze", "b"], ["7", "8"], ["x", "yy"]]


def test_texts_are_counted_as_they_are_read_for_many_rows_may_refer_to_one(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=["red " * 25] * 9000, dtype=h5py.string_dtype())
    with open_hdf5(tmp_path / "a.h5") as file:
        assert text_column(file, "x", tmp_path / "a.h5") == ["red " * 25] * 9000
        monkeypatch.setattr(hdf5, "LARGEST_COLUMN", 500_000)  # more than the references take, and less than the texts
        with pytest.raises(DataError, match="the texts of x have more than 500,000 bytes"):
            text_column(file, "x", tmp_path / "a.h5")

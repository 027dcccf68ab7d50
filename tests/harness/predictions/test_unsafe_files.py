"""Files that may hold a program are refused, and no message says how to read them all the same."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from fashionbench.errors import DataError, reason_of
from fashionbench.predictions.readers import read


class Program:
    def __reduce__(self):
        return print, ("run",)


def pickled():
    return pickle.dumps({"query_ids": Program()})


def object_array():
    file = io.BytesIO()
    np.save(file, np.array([Program()], dtype=object), allow_pickle=True)
    return file.getvalue()


def object_arrays():
    file = io.BytesIO()
    np.savez(file, query_ids=np.array([Program()], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize(("name", "content"), [("p.npy", pickled), ("p.npy", object_array), ("p.npz", object_arrays), ("p.pt", pickled), ("p.pth", object_array)])  # fmt: skip
def test_a_pickle_is_refused_without_advice_to_run_it(tmp_path, capsys, name, content):
    if name.startswith("p.pt"):
        pytest.importorskip("torch")
    (tmp_path / name).write_bytes(content())
    with pytest.raises(DataError) as raised:
        read(tmp_path / name)
    said = str(raised.value).lower()
    assert name in said
    assert not [word for word in ("weights_only", "weights only", "allow_pickle", "unsafe", "trust") if word in said]
    assert capsys.readouterr().out == ""


def test_what_a_library_says_of_other_files_stays():
    assert reason_of(ValueError("cannot reshape\nmore")) == "cannot reshape"


def test_arrays_that_claim_more_than_memory_are_refused(tmp_path, monkeypatch):
    from fashionbench.predictions import array_files

    np.savez_compressed(tmp_path / "p.npz", query_ids=np.zeros(10_000))
    monkeypatch.setattr(array_files, "MOST_UNPACKED", 50_000)
    with pytest.raises(DataError, match="bytes unpacked, more than 50,000"):
        read(tmp_path / "p.npz")

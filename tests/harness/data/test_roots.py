"""Where data sets are looked for."""

from __future__ import annotations

import pytest

from fashionbench.data.roots import VARIABLE, DataRoots
from fashionbench.errors import DataError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for name in ("viton-hd", "elsewhere"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_further_files_of_a_data_set_are_found_in_its_folder(folders):
    roots = DataRoots()
    assert roots.find("mgd") is None
    assert roots.find("mgd", "viton-hd") == roots.require("mgd", "viton-hd") == folders / "viton-hd"
    moved = DataRoots(named={"viton-hd": folders / "elsewhere"})
    assert moved.find("mgd", "viton-hd") == folders / "elsewhere"


def test_a_folder_of_its_own_comes_first(folders):
    (folders / "mgd").mkdir()
    assert DataRoots().find("mgd", "viton-hd") == folders / "mgd"
    named = DataRoots(named={"mgd": folders / "elsewhere"})
    assert named.find("mgd", "viton-hd") == folders / "elsewhere"


def test_what_is_nowhere_is_an_error_that_names_the_places(folders):
    with pytest.raises(DataError) as error:
        DataRoots().require("fashion-iq-cap", "fashion-iq")
    assert f"${VARIABLE}/fashion-iq-cap, or into that of fashion-iq" in str(error.value)

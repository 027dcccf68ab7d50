"""Addresses of pages: what one file system or another takes for one name has two."""

from __future__ import annotations

import unicodedata

import pytest

from fashionbench_leaderboards.site.links import Links, file_name

CAFE = "caf\u00e9"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lab/model", "Lab/Model"),
        ("lab/model", "lab/MODEL"),
        ("LAB/model", "lab/MODEL"),
        (CAFE, unicodedata.normalize("NFD", CAFE)),
        ("straße", "STRASSE"),
        ("x" * 300, "X" * 300),
    ],
)
def test_names_that_a_disk_may_take_for_one_have_two_files(one, other):
    names = [unicodedata.normalize("NFC", file_name(name)).casefold() for name in (one, other)]
    assert names[0] != names[1]
    assert all(len(name.encode()) < 240 for name in names)


def test_a_plain_name_is_kept_and_a_device_is_no_file():
    assert file_name("baseline/pocket-lit") == "baseline__pocket-lit"
    assert file_name("con") != "con"
    assert Links("../").backend("Lab/Model") == f"../backends/{file_name('Lab/Model')}.html"
    assert Links("../").board("Lab").removeprefix("../boards/") == Links("../").history("Lab").removeprefix(
        "../history/"
    )

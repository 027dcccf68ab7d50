"""What mirrors do to names of images: it is found, and what is not found is named with what is there."""

from __future__ import annotations

import json
import shutil
import unicodedata

import pytest
from PIL import Image

from fashionbench.data.integrity import survey
from fashionbench.data.search import describe_search
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.cirr import CIRR
from fashionbench_tasks.datasets.fashion_iq import FashionIQ
from fashionbench_tasks.datasets.image_folder import ImageFolder, ImagePaths

COMPOSED = "robe-\u00e9t\u00e9"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2)).save(path, format="PNG")
    return path


@pytest.mark.parametrize(
    "place",
    ["images/D0.jpg", "images/D0.PNG", "images/D0.tiff", "image/D0.png", "images/dress/D0.JPG", "Images/D0.jpg"],
)
def test_an_image_is_found_where_mirrors_put_it(tmp_path, place):
    path = picture(tmp_path / place)
    found = ImageFolder(tmp_path, ("images", "image")).path("D0")
    assert found.is_file()
    assert found.samefile(path)


@pytest.mark.parametrize(("written", "asked"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_unicode_forms_are_one_name(tmp_path, written, asked):
    picture(tmp_path / "images" / f"{written}.png")
    assert ImageFolder(tmp_path, ("images",)).path(asked).is_file()
    assert ImagePaths(tmp_path).path(f"images/{asked}.png").is_file()


def test_letters_in_another_case_are_taken_only_where_no_other_id_is_written_so(tmp_path):
    picture(tmp_path / "images" / "B00A.jpg")
    assert ImageFolder(tmp_path, ("images",), lambda: ["b00a"]).path("b00a").is_file()
    both = ImageFolder(tmp_path, ("images",), lambda: ["b00a", "B00A"])
    assert both.path("B00A").is_file()
    assert not both.path("b00a").is_file()
    assert not ImageFolder(tmp_path, ("images",)).path("b00a").is_file()


@pytest.mark.parametrize("place", ["dev/a.png", "dev/a.jpg", "dev/a.PNG", "img_raw/dev/a.png", "images/dev/a.jpeg"])
def test_a_path_of_the_annotations_is_found_below_the_usual_folders(tmp_path, place):
    path = picture(tmp_path / place)
    assert ImagePaths(tmp_path).path("dev/a.png") == path


def test_the_exact_file_comes_first_and_a_path_that_leads_out_is_refused(tmp_path):
    picture(tmp_path / "dev" / "a.jpg")
    exact = picture(tmp_path / "dev" / "a.png")
    paths = ImagePaths(tmp_path)
    assert paths.path("dev/a.png") == exact
    assert paths.path("dev/b.png") == tmp_path / "dev" / "b.png"
    with pytest.raises(DataError, match="leads out"):
        paths.path("../a.png")


def test_what_is_missing_is_named_with_what_is_there(tmp_path):
    picture(tmp_path / "images" / "other.jpg")
    said = survey({"D0": tmp_path / "images" / "D0.jpg"}).looked_for
    assert said == f"looked for D0.jpg in {tmp_path / 'images'}, which holds other.jpg"
    gone = tmp_path / "photos" / "deep" / "D0.jpg"
    assert f"which does not exist; {tmp_path} holds images" in describe_search([gone])
    assert describe_search([]) == ""


def test_annotations_one_level_deeper_with_a_byte_order_mark_and_in_upper_case_are_read(twin, tmp_path):
    deep = tmp_path / "unpacked" / "fashion-iq"
    for folder in ("captions", "image_splits"):
        shutil.copytree(twin / "fashion-iq" / folder, deep / folder.upper())
    path = deep / "CAPTIONS" / "cap.dress.val.json"
    path.write_text("\ufeff" + path.read_text())
    data = FashionIQ(tmp_path / "unpacked")
    assert data.root == deep
    assert data.triplets("dress", "val") == FashionIQ(twin / "fashion-iq").triplets("dress", "val")
    with pytest.raises(DataError, match=r"has no folder of captions; looked for captions, json; it holds unpacked"):
        FashionIQ(tmp_path)


def test_cirr_in_the_folders_of_its_repository(twin, tmp_path):
    source = CIRR(twin / "cirr")
    root = tmp_path / "cirr_dataset"
    for folder in ("captions", "image_splits"):
        shutil.copytree(next((twin / "cirr").rglob(folder)), root / folder)
    shutil.copytree(twin / "cirr" / "dev", root / "img_raw" / "dev")
    names = json.loads((root / "image_splits" / "split.rc2.val.json").read_text())
    moved = CIRR(root).split("val")
    assert set(moved) == set(names) == set(source.split("val"))
    assert all(path.is_file() for path in moved.values())

from __future__ import annotations

import os

import pytest
from PIL import Image

from fashionbench.data.images import read_rgb
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ComposedFile, ImageFile, opened
from fashionbench.data.roots import DataRoots, inside
from fashionbench.errors import DataError


@pytest.fixture
def images(tmp_path):
    paths = {}
    for i, name in enumerate(["a", "b", "c"]):
        paths[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (4, 4), (i * 50, 0, 0)).save(paths[name])
    return paths


def test_the_fingerprint_follows_content_and_nothing_else(images, tmp_path):
    first = survey(images)
    os.utime(images["a"], (1, 1))
    moved = tmp_path / "elsewhere.png"
    images["b"].rename(moved)
    assert survey(images | {"b": moved}).fingerprint == first.fingerprint
    assert survey(dict(reversed((images | {"b": moved}).items()))).fingerprint == first.fingerprint
    Image.new("RGB", (4, 4), (1, 0, 0)).save(images["a"])
    assert survey(images | {"b": moved}).fingerprint != first.fingerprint


def test_missing_and_unreadable_files_are_named(images):
    whole = survey(images)
    images["a"].unlink()
    images["b"].write_bytes(images["b"].read_bytes()[:40])
    images["c"].write_text("not an image")
    found = survey(images)
    assert found.missing == ("a",)
    assert set(found.unreadable) == {"b", "c"}
    assert found.absent == {"a", "b", "c"}
    assert "no image of a format" in found.unreadable["c"]
    assert found.fingerprint != whole.fingerprint


def test_annotations_count(images, tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_text("[]")
    before = survey(images, {"labels": labels})
    labels.write_text("[1]")
    assert survey(images, {"labels": labels}).fingerprint != before.fingerprint


def test_a_survey_is_remembered_until_a_file_changes(images, tmp_path):
    cache = tmp_path / "files.sqlite"
    seen: list[int] = []
    first = survey(images, cache=cache, advance=seen.append)
    assert sum(seen) == 3
    assert survey(images, cache=cache) == first
    status = images["a"].stat()
    Image.new("RGB", (4, 4), (9, 9, 9)).save(images["a"])
    os.utime(images["a"], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert survey(images, cache=cache).fingerprint != first.fingerprint
    cache.write_text("no database")
    assert survey(images, cache=cache).count == 3
    assert cache.with_suffix(".damaged").read_text() == "no database"


def test_transparent_pixels_are_laid_on_white(tmp_path):
    layer = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    layer.putpixel((1, 0), (10, 20, 30, 255))
    layer.save(tmp_path / "x.png")
    image = read_rgb(tmp_path / "x.png")
    assert image.mode == "RGB"
    assert [image.getpixel((0, 0)), image.getpixel((1, 0))] == [(255, 255, 255), (10, 20, 30)]


def test_items_are_read_when_they_are_opened(images):
    assert opened(ImageFile("a", images["a"])).image.size == (4, 4)
    composed = opened(ComposedFile("a", images["a"], "longer"))
    assert (composed.id, composed.text) == ("a", "longer")
    assert opened(composed) is composed
    with pytest.raises(DataError, match="cannot be read"):
        ImageFile("x", images["a"].with_name("absent.png")).open()


def test_roots_are_named_or_common_or_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("FASHIONBENCH_DATA", raising=False)
    assert DataRoots().find("fashion-iq") is None
    with pytest.raises(DataError, match="fashion-iq was not found"):
        DataRoots().require("fashion-iq")
    (tmp_path / "fashion-iq").mkdir()
    monkeypatch.setenv("FASHIONBENCH_DATA", str(tmp_path))
    assert DataRoots().require("fashion-iq") == tmp_path / "fashion-iq"
    assert DataRoots(named={"fashion-iq": tmp_path}).find("fashion-iq") == tmp_path
    with pytest.raises(DataError, match="not a folder"):
        DataRoots(named={"fashion-iq": tmp_path / "typo"}).find("fashion-iq")


def test_a_folder_of_images_may_be_a_link_to_another_disk(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "images").symlink_to(tmp_path / "disk")
    assert inside(tmp_path / "root", "images/a.png") == tmp_path / "root" / "images" / "a.png"


@pytest.mark.parametrize("name", ["..\\x", "../x", "/etc/passwd", "a/../../x"])
def test_a_name_cannot_lead_out_of_the_root(tmp_path, name):
    assert inside(tmp_path, "a/b.png") == tmp_path / "a" / "b.png"
    with pytest.raises(DataError, match="leads out"):
        inside(tmp_path, name)

"""The index of files, against the bytes on disk."""

from __future__ import annotations

import hashlib
import os

import pytest
from PIL import Image

from fashionbench.data import images as images_module
from fashionbench.data.file_index import FileIndex
from fashionbench.data.images import DecodedImages, read_rgb, stamp
from fashionbench.data.integrity import survey


@pytest.fixture(autouse=True)
def _nothing_decoded():
    images_module.decoded.clear()
    yield
    images_module.decoded.clear()


@pytest.fixture
def photos(tmp_path):
    paths = {}
    for number in range(3):
        paths[str(number)] = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 6), (number, 0, 0)).save(paths[str(number)])
    return paths


@pytest.fixture
def decoding(monkeypatch):
    """The paths that were decoded, in order."""
    seen = []
    real = Image.open

    def opened(path, *rest, **more):
        seen.append(path)
        return real(path, *rest, **more)

    monkeypatch.setattr(Image, "open", opened)
    return seen


def test_two_tasks_of_a_store_decode_each_image_once(photos, tmp_path, decoding):
    cache = tmp_path / "files.sqlite"
    first = survey(photos, cache=cache)
    assert sorted(decoding) == sorted(photos.values())
    assert survey(dict(list(photos.items())[:2]), cache=cache).unreadable == {}
    assert survey(photos, cache=cache) == first
    assert len(decoding) == 3


def test_the_encoder_gets_what_the_survey_decoded(photos, decoding):
    survey(photos)
    pixels = [read_rgb(path).getpixel((0, 0)) for path in photos.values()]
    assert pixels == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]
    assert len(decoding) == 3
    read_rgb(photos["0"])
    assert len(decoding) == 4  # what was handed out is no longer kept


def test_an_image_that_changed_since_is_decoded_again(photos):
    survey(photos)
    Image.new("RGB", (8, 6), (9, 9, 9)).save(photos["1"])
    os.utime(photos["1"], ns=(1, 1))
    assert read_rgb(photos["1"]).getpixel((0, 0)) == (9, 9, 9)


def test_the_content_hash_is_that_of_the_bytes_until_they_change(photos, tmp_path):
    with FileIndex(tmp_path / "files.sqlite") as index:
        assert index.content_hash(photos["0"]) is None
        index.look(photos.values(), decode_images=True)
    with FileIndex(tmp_path / "files.sqlite") as index:
        assert index.content_hash(photos["0"]) == hashlib.sha256(photos["0"].read_bytes()).hexdigest()
        photos["0"].write_bytes(photos["0"].read_bytes() + b"x")
        assert index.content_hash(photos["0"]) is None
        photos["1"].unlink()
        assert index.content_hash(photos["1"]) is None


def test_a_file_that_was_only_hashed_is_decoded_when_that_is_asked(photos, tmp_path):
    photos["0"].write_bytes(b"no image")
    with FileIndex(tmp_path / "files.sqlite") as index:
        assert index.look([photos["0"]], decode_images=False)[photos["0"]].fault == ""
        assert "UnidentifiedImageError" in index.look([photos["0"]], decode_images=True)[photos["0"]].fault


def test_an_index_that_cannot_be_written_is_only_a_memory_that_is_gone(photos, tmp_path):
    (tmp_path / "file").write_text("")
    assert survey(photos, cache=tmp_path / "file" / "files.sqlite") == survey(photos)


def test_memory_for_decoded_images_is_bounded(photos):
    kept = DecodedImages(limit=2 * 4 * 8 * 6)
    for path in photos.values():
        kept.put(path, stamp(path), Image.new("RGB", (8, 6)))
    assert [kept.take(path) is not None for path in photos.values()] == [True, True, False]
    kept.put(photos["2"], stamp(photos["2"]), Image.new("RGB", (8, 6)))
    assert kept.take(photos["2"]) is not None

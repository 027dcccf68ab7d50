"""The index of files, against the bytes on disk."""

from __future__ import annotations

import hashlib
import os
import sqlite3

import pytest
from PIL import Image

from fashionbench.data import image_opener
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
    real = image_opener.opened

    def opened(path):
        seen.append(path)
        return real(path)

    monkeypatch.setattr(image_opener, "opened", opened)
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
        assert "no image of a format" in index.look([photos["0"]], decode_images=True)[photos["0"]].fault


def test_an_index_that_cannot_be_written_is_only_a_memory_that_is_gone(photos, tmp_path):
    (tmp_path / "file").write_text("")
    assert survey(photos, cache=tmp_path / "file" / "files.sqlite") == survey(photos)


@pytest.fixture
def said():
    return []


@pytest.mark.parametrize(
    "change",
    [
        "sha256 = substr(sha256, 2) || 'f'",
        "form = 'PNG alpha'",
        "fault = 'torn'",
        "state = '[1, 2, 3, 4]'",
        "checksum = ''",
    ],
)
def test_a_row_that_was_altered_is_looked_at_again(photos, tmp_path, decoding, change):
    cache = tmp_path / "files.sqlite"
    first = survey(photos, cache=cache)
    with sqlite3.connect(cache) as base:
        (table,) = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert base.execute(f"UPDATE {table} SET {change} WHERE decoded").rowcount == 3
    assert survey(photos, cache=cache) == first
    assert len(decoding) == 6
    assert survey(photos, cache=cache) == first
    assert len(decoding) == 6


def test_rows_that_were_exchanged_are_not_believed(photos, tmp_path):
    cache = tmp_path / "files.sqlite"
    first = survey(photos, cache=cache)
    with sqlite3.connect(cache) as base:
        (table,) = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = base.execute(f"SELECT path, sha256, checksum FROM {table} ORDER BY path").fetchall()
        for (path, *_), (_, *other) in zip(rows, rows[1:] + rows[:1], strict=True):
            base.execute(f"UPDATE {table} SET sha256 = ?, checksum = ? WHERE path = ?", (*other, path))
    assert survey(photos, cache=cache) == first


def test_verifying_reads_the_bytes_whatever_is_remembered(photos, tmp_path, monkeypatch):
    from fashionbench.data import file_index

    # A file system that keeps no times, or one whose disk loses bits.
    monkeypatch.setattr(file_index, "stamp", lambda path: (1, 2, 3, 4))
    cache = tmp_path / "files.sqlite"
    first = survey(photos, cache=cache)
    photos["1"].write_bytes(bytes(photos["1"].stat().st_size))
    assert survey(photos, cache=cache) == first
    again = survey(photos, cache=cache, reread=True)
    assert list(again.unreadable) == ["1"]
    assert again.fingerprint != first.fingerprint
    # What was seen is remembered.
    assert survey(photos, cache=cache) == again


def test_an_index_that_another_run_holds_is_said_once(photos, tmp_path, said):
    cache = tmp_path / "files.sqlite"
    first = survey(photos, cache=cache)
    holder = sqlite3.connect(cache, isolation_level=None)
    with FileIndex(cache, warn=said.append, patience=0.05) as index:
        holder.execute("BEGIN EXCLUSIVE")
        photos["new"] = tmp_path / "new.png"
        Image.new("RGB", (8, 6)).save(photos["new"])
        for _ in range(2):
            assert len(index.look(photos.values(), decode_images=True)) == 4
        holder.execute("ROLLBACK")
    assert len(said) == 1 and "files.sqlite is not used" in said[0] and "locked" in said[0]
    holder.close()
    del photos["new"]
    assert survey(photos, cache=cache) == first


def test_an_index_that_is_no_database_is_put_aside(photos, tmp_path, said):
    cache = tmp_path / "files.sqlite"
    cache.write_bytes(b"rubbish, and enough of it to be read as the head of a database" * 40)
    with FileIndex(cache, warn=said.append) as index:
        assert len(index.look(photos.values(), decode_images=True)) == 3
    assert said == ["warning: the index files.sqlite was damaged; it is put aside as files.damaged"]
    assert cache.with_suffix(".damaged").read_bytes().startswith(b"rubbish")


def test_a_name_that_is_no_text_is_remembered_too(photos, tmp_path, decoding):
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    photos["0"].rename(odd)
    for _ in range(2):
        survey({"odd": odd}, cache=tmp_path / "files.sqlite")
    assert len(decoding) == 1


def test_memory_for_decoded_images_is_bounded(photos):
    kept = DecodedImages(limit=2 * 4 * 8 * 6)
    for path in photos.values():
        kept.put(path, stamp(path), Image.new("RGB", (8, 6)))
    assert [kept.take(path) is not None for path in photos.values()] == [True, True, False]
    kept.put(photos["2"], stamp(photos["2"]), Image.new("RGB", (8, 6)))
    assert kept.take(photos["2"]) is not None

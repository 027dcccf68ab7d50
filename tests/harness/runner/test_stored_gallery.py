"""Rows of a large gallery lie in a file: equal to those in memory, kept over a kill, and believed only where they fit."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from pathlib import Path

import gallery_job
import numpy as np
import pytest
import timeless_records
from gallery_job import flip, only, run_job

from fashionbench import api
from fashionbench.data.ground_truth import Truth
from fashionbench.records.store import Store
from fashionbench.runner import stored_gallery
from fashionbench.runner.cache_contents import cache_contents
from fashionbench.runner.cache_pruning import prune
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.gallery_format import GalleryFormat

COUNT, DIMENSIONS, BATCH = 3000, 8, 250
ROWS = GalleryFormat().file
#: Items that are asked for again in another batch, once.
AGAIN = 3
RIGHT = np.sin(np.arange(COUNT)[:, None] * np.sqrt(np.arange(2, DIMENSIONS + 2))).astype(np.float32)


@pytest.fixture
def large(monkeypatch):
    """Galleries of every size are large."""
    monkeypatch.setattr(stored_gallery, "LARGE", 1)


@pytest.fixture
def embed(tmp_path):
    """Embed the gallery with the cache, and give back its rows and how many items the backend was asked for."""

    def call(batch_size=BATCH, **more):
        backend = gallery_job.Counting(DIMENSIONS)
        for name, value in more.items():
            setattr(backend, name, value)
        with closing(EmbeddingCache(tmp_path / FILE)) as cache:
            made = gallery_job.session(backend, cache, batch_size)
            with made.fold(None, Truth()) as bound:
                rows = bound.embed(gallery_job.texts(COUNT), "candidate")
        return rows, len(backend.asked)

    return call


def test_rows_in_a_file_are_those_in_memory_and_are_not_kept_twice(embed, large, tmp_path):
    rows, asked = embed()
    assert isinstance(rows, np.memmap) and asked == COUNT + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)
    assert (only(tmp_path) / ROWS).stat().st_size == RIGHT.nbytes
    assert (tmp_path / FILE).stat().st_size < RIGHT.nbytes
    again, asked = embed()
    assert isinstance(again, np.memmap) and asked == 0
    np.testing.assert_array_equal(again, RIGHT)


def test_a_small_gallery_stays_in_memory(embed, tmp_path):
    rows, _ = embed()
    assert not isinstance(rows, np.memmap)
    np.testing.assert_array_equal(rows, RIGHT)
    assert not (tmp_path / stored_gallery.FOLDER).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_after_a_kill_the_rest_alone_is_encoded(embed, large, tmp_path):
    assert run_job(tmp_path, COUNT, DIMENSIONS, 1, 1200) == (-signal.SIGKILL, None)
    rows, asked = embed()
    assert asked == COUNT - 1000 + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)


def test_another_batch_size_finds_what_is_there(embed, large):
    embed()
    rows, asked = embed(batch_size=400)
    assert asked == 0
    np.testing.assert_array_equal(rows, RIGHT)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip(folder / ROWS, 1700 * DIMENSIONS * 4 + 2),
        lambda folder: flip(folder / stored_gallery.SEALS, 1700 * stored_gallery.SEAL + 3),
        lambda folder: flip(folder / stored_gallery.SEALS, 1700 * stored_gallery.SEAL + 40),
    ],
)
def test_a_flipped_byte_costs_its_batch(embed, large, tmp_path, damage):
    embed()
    damage(only(tmp_path))
    rows, asked = embed()
    assert asked == BATCH + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)
    assert embed()[1] == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / stored_gallery.FACTS).write_text('{"shape": [0, "x"]}'),
        lambda folder: (folder / stored_gallery.FACTS).write_text('{"shape": [2, 4]}'),
        lambda folder: (folder / stored_gallery.FACTS).write_text("[]"),
        lambda folder: (folder / stored_gallery.FACTS).unlink(),
        lambda folder: (folder / ROWS).write_bytes(b"short"),
        lambda folder: (folder / stored_gallery.SEALS).unlink(),
    ],
)
def test_files_that_do_not_fit_are_made_anew(embed, large, tmp_path, damage):
    embed()
    damage(only(tmp_path))
    rows, asked = embed()
    assert asked == COUNT + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)
    assert embed()[1] == 0


def test_other_weights_are_not_given_the_rows(embed, large):
    embed()
    rows, asked = embed(fingerprint=lambda: "2", factors=np.zeros(DIMENSIONS))
    assert asked == COUNT + AGAIN and not rows.any()


def test_what_may_not_be_kept_leaves_no_file(embed, large, tmp_path):
    rows, _ = embed(fingerprint=lambda: None)
    assert isinstance(rows, np.memmap)
    np.testing.assert_array_equal(rows, RIGHT)
    assert list((tmp_path / stored_gallery.FOLDER).iterdir()) == []


def test_a_second_run_beside_the_first_takes_its_rows_and_writes_elsewhere(large, tmp_path):
    gallery, backends = gallery_job.texts(COUNT), [gallery_job.Counting(DIMENSIONS) for _ in range(2)]
    with closing(EmbeddingCache(tmp_path / FILE)) as cache:
        sessions = [gallery_job.session(backend, cache) for backend in backends]
        for made in sessions:
            with made.fold(None, Truth()) as bound:
                np.testing.assert_array_equal(bound.embed(gallery, "candidate"), RIGHT)
    assert [len(backend.asked) for backend in backends] == [COUNT + AGAIN, 0]
    assert len(list((tmp_path / stored_gallery.FOLDER).iterdir())) == 1


def test_items_that_are_queries_too_are_embedded_once_and_in_the_same_batches_as_in_memory(monkeypatch, tmp_path):
    gallery, asked = gallery_job.texts(COUNT), []
    for size in (1, 1 << 40):
        monkeypatch.setattr(stored_gallery, "LARGE", size)
        backend = gallery_job.Counting(DIMENSIONS)
        with closing(EmbeddingCache(tmp_path / str(size) / FILE)) as cache:
            made = gallery_job.session(backend, cache)
            for _ in range(2):
                with made.fold(None, Truth()) as bound:
                    rows, queries = bound.embed_sides([(gallery, "candidate"), (gallery[::-1][:700], "query")])
                np.testing.assert_array_equal(rows, RIGHT)
                np.testing.assert_array_equal(queries, RIGHT[::-1][:700])
        asked.append(backend.asked)
    # One item shows that roles are equal.
    assert asked[0] == asked[1] and len(asked[0]) == COUNT + AGAIN + 1


def test_a_gallery_of_some_of_the_items_takes_their_rows(embed, large, tmp_path, monkeypatch):
    embed()
    flip(only(tmp_path) / ROWS, 2990 * DIMENSIONS * 4 + 1)
    monkeypatch.setattr(stored_gallery, "LARGE", 1 << 40)
    part, backend = gallery_job.texts(COUNT)[::-1][:1000], gallery_job.Counting(DIMENSIONS)
    with (
        closing(EmbeddingCache(tmp_path / FILE)) as cache,
        gallery_job.session(backend, cache).fold(None, Truth()) as bound,
    ):
        np.testing.assert_array_equal(bound.embed(part, "candidate"), RIGHT[::-1][:1000])
    # The batch of the row that was altered, and what is asked again since the backend was asked at all.
    assert len(backend.asked) == BATCH + AGAIN
    assert 2990 in backend.asked[:BATCH]


def test_a_disk_that_takes_no_more_leaves_the_rest_in_memory(embed, large, monkeypatch, capsys):
    write, left = stored_gallery._write, [9]

    def full(file, at, content):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        write(file, at, content)

    monkeypatch.setattr(stored_gallery, "_write", full)
    rows, asked = embed()
    assert asked == COUNT + AGAIN
    np.testing.assert_array_equal(rows, RIGHT)
    assert capsys.readouterr().err.count("stays in memory") == 1


def test_a_folder_that_cannot_be_made_leaves_all_in_memory(embed, large, tmp_path, capsys):
    (tmp_path / stored_gallery.FOLDER).write_text("a file")
    rows, _ = embed()
    np.testing.assert_array_equal(rows, RIGHT)
    assert capsys.readouterr().err.count("stays in memory") == 1


def test_records_do_not_know_where_rows_were(plugins, store, tmp_path, monkeypatch):
    fields = {"tasks": ["toy/squares"], "backends": ["toy/colour"]}
    right = timeless_records.timeless(api.run(fields, plugins=plugins, store=store)[0])
    monkeypatch.setattr(stored_gallery, "LARGE", 1)
    other = Store(tmp_path / "other")
    for _ in range(2):
        record = api.run(fields, plugins=plugins, store=other, rerun=True)[0]
        assert timeless_records.timeless(record) == right
    assert record.decoding.cached == record.cost.items
    assert (other.cache / stored_gallery.FOLDER).is_dir()


def test_galleries_are_told_and_pruned_with_the_rest(embed, large, tmp_path):
    embed()
    (owner,) = cache_contents(tmp_path).owners
    assert (owner.owner, owner.rows) == ("toy/count", COUNT)
    assert owner.bytes >= RIGHT.nbytes and owner.last_use is not None
    size = cache_contents(tmp_path).bytes
    with closing(EmbeddingCache(tmp_path / FILE)) as cache:
        cache.put([b"k" * 32], RIGHT[:1], "newer")
    assert prune(tmp_path, size // 2).rows == COUNT
    assert [one.owner for one in cache_contents(tmp_path).owners] == ["newer"]
    assert embed()[1] == COUNT + AGAIN


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone says what is a process's own")
def test_memory_does_not_grow_with_the_rows(tmp_path):
    count, dimensions = 6000, 512
    (_, in_file), (_, in_memory) = (run_job(tmp_path / str(size), count, dimensions, size) for size in (1, 1 << 40))
    assert in_file["mapped"] and not in_memory["mapped"]
    assert (in_file["rows"], in_file["ranks"]) == (in_memory["rows"], in_memory["ranks"])
    assert in_file["own"] < count * dimensions * 4 < in_memory["own"]


@pytest.mark.acceptance
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone says what is a process's own")
def test_a_gallery_of_200_000_goes_on_after_a_kill(tmp_path):
    count, dimensions = 200_000, 384
    job = (count, dimensions, stored_gallery.LARGE)
    assert run_job(tmp_path / "killed", *job, 90_000) == (-signal.SIGKILL, None)
    code, found = run_job(tmp_path / "killed", *job)
    assert code == 0 and found["mapped"]
    assert found["asked"] == count - 90_000 + AGAIN
    assert found["own"] < count * dimensions * 4 // 2
    whole = run_job(tmp_path / "whole", count, dimensions, 1 << 40)[1]
    assert whole["ranks"] == found["ranks"]
    assert whole["own"] > count * dimensions * 4

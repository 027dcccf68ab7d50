"""Batches are decoded side by side and ahead, and are what they would be one after the other."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench.runner.image_prefetch import ImagePrefetch


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    for at in range(6):
        Image.new("RGB", (3, 2), (40 * at, 0, 0)).save(tmp_path / f"{at}.png")
    return [ImageFile(str(at), tmp_path / f"{at}.png") for at in range(6)]


def colours(items):
    return [int(np.asarray(item.image)[0, 0, 0]) for item in items]


def test_items_come_in_their_order(files):
    prefetch = ImagePrefetch()
    memory = ImageItem("m", Image.new("RGB", (1, 1), (7, 0, 0)))
    assert colours(prefetch.open([files[5], memory, files[0]])) == [200, 7, 0]


def test_what_follows_is_decoded_before_it_is_asked_for(files, tmp_path):
    prefetch = ImagePrefetch()
    assert colours(prefetch.open(files[:2], files[2:4])) == [0, 40]
    for begun in prefetch._ahead.values():
        begun.result()
    # The files are gone, and what was decoded ahead is there.
    for at in (2, 3):
        (tmp_path / f"{at}.png").unlink()
    assert colours(prefetch.open(files[2:4])) == [80, 120]
    assert prefetch._ahead == {}


def test_no_more_than_the_next_batch_is_held(files):
    prefetch = ImagePrefetch()
    prefetch.open(files[:2], files[2:4])
    prefetch.open(files[4:5], files[5:6])  # what was ahead was in the cache
    assert len(prefetch._ahead) == 1


def test_the_error_is_that_of_the_first_that_cannot_be_read(files, tmp_path):
    (tmp_path / "1.png").write_bytes(b"no image")
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1\.png"):
        ImagePrefetch().open(files)


def test_items_of_others_are_opened_one_after_the_other(files):
    seen = []

    class Own:
        id = "own"

        def open(self):
            seen.append(threading.current_thread())
            return ImageItem("own", Image.new("RGB", (1, 1)))

    ImagePrefetch().open([Own(), Own()], [Own()])
    assert seen == [threading.current_thread()] * 2


def test_one_thread_reads_nothing_ahead(files, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    prefetch = ImagePrefetch()
    assert colours(prefetch.open(files[:2], files[2:])) == [0, 40]
    assert prefetch._ahead == {}

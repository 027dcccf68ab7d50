from __future__ import annotations

import json

import pytest

from fashionbench.errors import DataError
from fashionbench_atelier.layouts.fashion_iq import asin
from fashionbench_atelier.world.captions import description
from fashionbench_tasks.datasets.fashion_iq_cap import Described, FashionIQCap


def write(folder, name, entries):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(entries))


def test_the_twin_is_read_whole(twin, source):
    data = FashionIQCap(twin / "fashion-iq")
    for category in ("dress", "shirt", "toptee"):
        for split in ("train", "val"):
            pool = [p for p in source.products(split) if p.category == category]
            wanted = [Described(asin(p.id), description(source.world.seed, p).text.lower(), False) for p in pool]
            assert data.captions(category, split) == wanted
            assert data.counts()[f"guided/{category}/{split}"] == 0


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Fashion-IQ-Cap", "next_llava.val.dress.caption.json"), ("dataset", "val.dress.caption.json")],
)
def test_folders_file_names_and_suffixes_of_images_vary(tmp_path, folder, name):
    (tmp_path / "images").mkdir()
    entries = [
        {"image": "B001.png", "caption": " a red dress ", "text_guidance": "is red"},
        {"image": "B002.v1", "caption": "", "text_guidance": ""},
        {"image": "B001.jpg", "caption": "again"},
    ]
    write(tmp_path / folder, name, entries)
    data = FashionIQCap(tmp_path)
    assert data.captions("dress", "val") == [Described("B001", "a red dress", True), Described("B002.v1", "", False)]
    assert data.counts() == {"captions/dress/val": 2, "guided/dress/val": 1}
    assert set(data.images()) == {"B001", "B002.v1"}


def test_an_entry_without_a_caption_is_named(tmp_path):
    write(tmp_path / "dataset", "val.dress.caption.json", [{"image": "a"}])
    with pytest.raises(DataError, match=r"val.dress.caption.json, entry 0: 'caption' is nothing"):
        FashionIQCap(tmp_path).captions("dress", "val")


def test_a_folder_without_captions_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder of captions; looked for Fashion-IQ-Cap, dataset"):
        FashionIQCap(tmp_path)

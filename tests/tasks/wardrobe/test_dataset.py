from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from fashionbench.errors import DataError
from fashionbench_tasks.wardrobe.dataset import ARTISTS, Garment, data_root, garments, image_path

if TYPE_CHECKING:
    from pathlib import Path


def write_garments(root: Path, content: object) -> Path:
    (root / "garments.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return root


def test_there_are_47_garments_sorted_by_id_with_distinct_ids_labels_and_captions() -> None:
    found = garments()
    assert len(found) == 47
    assert [garment.id for garment in found] == sorted({garment.id for garment in found})
    assert len({garment.label for garment in found}) == 47
    assert len({garment.caption for garment in found}) == 47


def test_emoji_and_id_name_the_same_code_points() -> None:
    for row in json.loads((data_root() / "garments.json").read_text(encoding="utf-8")):
        assert "".join(chr(int(part, 16)) for part in row["id"].split("-")) == row["emoji"].replace("\ufe0f", "")


def test_caption_is_the_label_then_the_sorted_tags_without_the_label() -> None:
    by_label = {garment.label: garment for garment in garments()}
    assert by_label["dress"].id == "1f457"
    assert by_label["dress"].caption == "dress; clothes, clothing, dressed, fancy, shopping"
    assert by_label["socks"].caption == "socks; stocking"
    for garment in by_label.values():
        assert garment.label not in garment.tags
        assert list(garment.tags) == sorted(garment.tags)


def test_caption_without_tags_is_the_label() -> None:
    assert Garment("1", "hat", ()).caption == "hat"


def test_every_image_is_160_by_160_rgb_drawn_large_on_white_and_unlike_every_other() -> None:
    digests = set()
    for garment in garments():
        for artist in ARTISTS:
            with Image.open(image_path(garment.id, artist)) as image:
                image.load()
                assert (image.format, image.mode, image.size) == ("PNG", "RGB", (160, 160))
                pixels = image.tobytes()
                box = image.convert("L").point(lambda value: 255 * (value < 250)).getbbox()
            digests.add(hashlib.sha256(pixels).hexdigest())
            assert box is not None
            assert max(box[2] - box[0], box[3] - box[1]) >= 120, (garment.label, artist)
    assert len(digests) == 47 * 3


def test_the_packaged_folder_holds_nothing_else_and_is_under_a_megabyte() -> None:
    images = sorted((data_root() / "images").rglob("*.*"))
    assert images == sorted(image_path(garment.id, artist) for garment in garments() for artist in ARTISTS)
    assert sum(path.stat().st_size for path in data_root().rglob("*") if path.is_file()) < 1_000_000


def test_sources_name_package_version_licence_attribution_and_digests_and_every_licence_text_is_there() -> None:
    record = json.loads((data_root() / "SOURCES.json").read_text(encoding="utf-8"))
    assert set(record["sources"]) == {*ARTISTS, "labels"}
    assert {key: source["licence"] for key, source in record["sources"].items()} == {
        "fluent": "MIT",
        "noto": "Apache-2.0",
        "twemoji": "CC-BY-4.0",
        "labels": "MIT",
    }
    assert all(record["renderer"].values())
    texts = {path.name: path.read_text(encoding="utf-8") for path in (data_root() / "licences").iterdir()}
    for key, source in record["sources"].items():
        assert all(source.values())
        assert all(len(digest) == 64 for digest in source["sha256"].values())
        name = f"{'emojibase' if key == 'labels' else key}-{source['licence']}.txt"
        assert len(texts[name]) > 300
        assert source["package"] in texts[name] or key == "labels"
    assert "Copyright 2020 Twitter, Inc and other contributors" in texts["twemoji-CC-BY-4.0.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not empty"),
        ({"id": "1"}, "list of garments"),
        (["dress"], "entry 0: expected an object, found str"),
        ([{"id": "1f457", "tags": []}], "entry 0: 'label'"),
        ([{"id": 7, "label": "dress", "tags": []}], "entry 0: 'id'"),
        ([{"id": "1f457", "label": "dress", "tags": "red"}], "entry 0 .1f457.: 'tags'"),
        ([{"id": "1f457", "label": "dress", "tags": [""]}], "entry 0 .1f457.: 'tags'"),
        ([{"id": "a", "label": "dress", "tags": []}, {"id": "a", "label": "hat", "tags": []}], "share the id 'a'"),
        ([{"id": "a", "label": "dress", "tags": []}, {"id": "b", "label": "dress", "tags": []}], "a and b share"),
    ],
)
def test_malformed_garments_are_refused_with_file_place_and_remedy(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        garments(write_garments(tmp_path, content))
    assert "garments.json" in caught.value.message
    assert "rebuild" in caught.value.remedy


def test_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read") as caught:
        garments(tmp_path)
    assert str(tmp_path / "garments.json") in caught.value.message


def test_another_root_is_read(tmp_path: Path) -> None:
    root = write_garments(tmp_path, [{"id": "2", "label": "hat", "tags": ["sun", "hat", "sun"]}])
    assert garments(root) == (Garment("2", "hat", ("sun",)),)


@pytest.mark.parametrize(
    ("garment", "artist", "message"), [("1f457", "openmoji", "unknown artist"), ("0", "noto", "'0'")]
)
def test_unknown_artist_or_image_is_refused(garment: str, artist: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        image_path(garment, artist)

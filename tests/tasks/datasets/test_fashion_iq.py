from __future__ import annotations

import json

import pytest

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.fashion_iq import asin
from fashionbench_tasks.datasets.fashion_iq import CATEGORIES, SPLITS, FashionIQ


@pytest.fixture
def data(twin):
    return FashionIQ(twin / "fashion-iq")


def truth_of(source, category, split):
    return [one for one in source.comparisons if one.category == category and source.splits[one.target] == split]


def damage(root, place, change):
    path = root / place
    loaded = json.loads(path.read_text())
    change(loaded)
    path.write_text(json.dumps(loaded))


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_triplets_are_those_of_the_world(data, source, category, split):
    found = [(t.reference, t.target, t.captions) for t in data.triplets(category, split)]
    wanted = truth_of(source, category, split)
    assert wanted
    assert found == [(asin(o.reference), asin(o.target), tuple(c.text for c in o.captions)) for o in wanted]


@pytest.mark.parametrize("category", CATEGORIES)
def test_records_of_the_test_split_have_no_target(data, source, category):
    found = data.triplets(category, "test")
    assert [t.reference for t in found] == [asin(one.reference) for one in truth_of(source, category, "test")]
    assert not any(t.target for t in found)
    assert data.union(category, "test") == sorted({t.reference for t in found})


def test_the_union_gallery_holds_references_and_targets_once(data, source):
    wanted = {asin(i) for one in truth_of(source, "dress", "val") for i in (one.reference, one.target)}
    assert data.union("dress", "val") == sorted(wanted)
    assert set(data.union("dress", "val")) <= set(data.split("dress", "val"))


def test_counts_are_those_of_the_world(data, source):
    counts = data.counts()
    for category in CATEGORIES:
        for split in SPLITS:
            pool = [p for p in source.products(split) if p.category == category]
            assert counts[f"images/{category}/{split}"] == len(pool)
            assert counts[f"triplets/{category}/{split}"] == len(truth_of(source, category, split))
    assert counts["union/dress/val"] == len(data.union("dress", "val"))


def test_planned_missing_photos_are_missing_and_nothing_else(data, source, twin):
    planned = {
        asin(p) for p, index in source.world.missing if index == 0 and source.world.products[p].category in CATEGORIES
    }
    assert planned
    found = status("fashion-iq", data, twin / "fashion-iq", {})
    assert set(found.missing) == planned
    assert (found.extra, found.synthetic, found.whole) == ((), True, False)


def test_there_are_empty_captions_as_in_the_published_files(data, source):
    empty = [t for c in CATEGORIES for s in SPLITS for t in data.triplets(c, s) if "" in t.captions]
    assert len(empty) == sum(
        any(not c.text for c in o.captions) for o in source.comparisons if o.category in CATEGORIES
    )
    assert empty


@pytest.mark.parametrize("extension", [".png", ".jpeg", ".JPG"])
def test_the_extension_of_images_is_found_out(copied, extension):
    root = copied("fashion-iq")
    for path in list((root / "images").iterdir()):
        path.rename(path.with_suffix(extension))
    data = FashionIQ(root)
    missing = status("fashion-iq", data, root, {}).missing
    assert len(missing) < 5
    present = next(iter(data.files.found))
    assert data.images()[present].name == present + extension


def test_other_names_of_the_folders_are_read(copied, twin):
    root = copied("fashion-iq")
    (root / "captions").rename(root / "json")
    original = FashionIQ(twin / "fashion-iq")
    for category in CATEGORIES:
        (root / "resized_images" / category).mkdir(parents=True)
        for split in SPLITS:
            for name in original.split(category, split):
                if name in original.files.found:
                    (root / "images" / f"{name}.jpg").rename(root / "resized_images" / category / f"{name}.jpg")
    (root / "images").rmdir()
    data = FashionIQ(root)
    assert data.counts() == original.counts()
    assert set(data.files.found) == set(original.files.found)
    assert data.triplets("shirt", "val") == original.triplets("shirt", "val")
    assert data.extra() == []


def test_images_that_no_split_names_are_extra(copied):
    root = copied("fashion-iq")
    (root / "images" / "B00STRANGE.png").write_bytes(b"")
    assert FashionIQ(root).extra() == ["B00STRANGE"]


def test_images_may_lie_behind_a_link(copied, tmp_path):
    root = copied("fashion-iq")
    (root / "images").rename(tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    data = FashionIQ(root)
    name = next(iter(data.files.found))
    assert data.images()[name].is_file()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries: entries[1].pop("target"), "entry 1: 'target' is nothing"),
        (lambda entries: entries[0].update(captions=["one"]), "entry 0 has not two captions"),
        (lambda entries: entries[0].update(captions=["one", 2]), "entry 0 has not two captions"),
        (lambda entries: entries[0].update(candidate=7), "entry 0: 'candidate' is int"),
        (lambda entries: entries.insert(0, "x"), "entry 0 is no object"),
    ],
)
def test_a_malformed_entry_is_named(copied, change, said):
    root = copied("fashion-iq")
    damage(root, "captions/cap.dress.val.json", change)
    with pytest.raises(DataError, match=said) as caught:
        FashionIQ(root).triplets("dress", "val")
    assert "cap.dress.val.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"{}", b'["B001", 7]', b"[", b"\xff\xfe"])
def test_a_malformed_split_file_is_named(copied, content):
    root = copied("fashion-iq")
    (root / "image_splits" / "split.dress.val.json").write_bytes(content)
    with pytest.raises(DataError, match=r"split\.dress\.val\.json"):
        FashionIQ(root).split("dress", "val")


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd"])
def test_an_id_cannot_lead_out_of_the_images(copied, name):
    root = copied("fashion-iq")
    damage(root, "image_splits/split.dress.val.json", lambda names: names.append(name))
    with pytest.raises(DataError, match="leads out"):
        FashionIQ(root).images()


def test_a_folder_without_captions_or_splits_is_refused(copied, tmp_path):
    with pytest.raises(DataError, match="looked for captions, json"):
        FashionIQ(tmp_path)
    with pytest.raises(DataError, match="root folder"):
        FashionIQ(None)
    root = copied("fashion-iq")
    (root / "captions" / "cap.dress.val.json").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        FashionIQ(root).triplets("dress", "val")

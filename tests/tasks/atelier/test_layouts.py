from __future__ import annotations

import io
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import TWIN_MARK, is_twin, status
from fashionbench.errors import DataError
from fashionbench_atelier import locate
from fashionbench_atelier.ground_truth import truth
from fashionbench_atelier.layouts import image_files
from fashionbench_atelier.layouts.comparisons import comparisons
from fashionbench_atelier.layouts.fashion_iq import asin
from fashionbench_atelier.layouts.fashiongen import DRAWS
from fashionbench_atelier.layouts.image_files import QUALITY, grey, link, parse_map, save
from fashionbench_atelier.layouts.polyvore import item_id
from fashionbench_atelier.layouts.source import LayoutSource
from fashionbench_atelier.layouts.splits import SHARES, assign_splits
from fashionbench_atelier.world.world import SPLITS, TRIPLET_CATEGORIES, World
from fashionbench_tasks.datasets.atelier import LOADERS, Atelier

WORLD = World(5, size=900, people=120, outfits=0)


def test_a_family_is_never_divided_among_splits():
    splits = assign_splits(WORLD)
    assert set(splits) == {product.id for product in WORLD.products}
    for relative, origin in [*WORLD.parents.items(), *WORLD.duplicates.items()]:
        assert splits[relative] == splits[origin]


def test_every_category_gets_its_share_of_every_split():
    splits = assign_splits(WORLD)
    for category in TRIPLET_CATEGORIES:
        held = Counter(splits[product.id] for product in WORLD.products if product.category == category)
        for split, share in SHARES.items():
            wanted = share / sum(SHARES.values())
            assert abs(held[split] / held.total() - wanted) < 0.02


def test_a_large_world_has_more_to_learn_from():
    world = World(1, size=2000, people=0, outfits=0)
    held = Counter(assign_splits(world).values())
    assert [round(held[split] / 2000, 2) for split in SPLITS] == [0.7, 0.2, 0.1]


def test_no_target_is_used_twice_and_the_triplets_of_the_world_are_among_the_queries():
    made = comparisons(WORLD)
    assert len({one.target for one in made}) == len(made)
    by_target = {one.target: one for one in made}
    for triplet in WORLD.triplets:
        one = by_target[triplet.target]
        assert (one.reference, one.captions, one.changed) == (triplet.reference, triplet.captions, triplet.changed)
    assert {one.target for one in made} == {*WORLD.parents, *WORLD.parents.values()}


def test_queries_name_true_differences_within_one_split_and_category():
    source = LayoutSource(WORLD)
    for one in source.comparisons:
        reference, target = WORLD.products[one.reference], WORLD.products[one.target]
        assert reference.category == target.category == one.category
        assert source.splits[one.reference] == source.splits[one.target]
        for caption in one.captions:
            assert set(caption.attributes) <= set(one.changed)
        assert sum(caption.text == "" for caption in one.captions) <= 1


def test_the_twin_that_is_made_unasked_is_large_enough_for_every_task():
    source = LayoutSource(World(locate.SEED, locate.SMALL["products"], locate.SMALL["people"], locate.SMALL["outfits"]))
    asked = Counter((one.category, source.splits[one.target]) for one in source.comparisons)
    assert all(asked[category, "val"] >= 30 and asked[category, "train"] >= 30 for category in TRIPLET_CATEGORIES)
    assert len(source.products("val")) > 101
    tests = Counter(
        one.dressed_person.region if one.dressed_person.layout == "dress-code" else "viton"
        for one in source.listed_people
        if one.split == "test"
    )
    assert tests.total() >= 24
    assert min(tests.values()) >= 2
    assert len(tests) == 4


def test_catalogue_numbers_look_like_a_shops_and_differ():
    names = [asin(identity) for identity in range(20_000)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"B00[0-9A-Z]{7}", name) for name in names)
    assert names != sorted(names)


def test_every_folder_is_marked_as_synthetic(twin):
    assert is_twin(twin)
    for folder in twin.iterdir():
        assert folder.is_file() or is_twin(folder)
    assert {folder.name for folder in twin.iterdir() if folder.is_dir()} == {folder for folder, _ in LOADERS.values()}


def test_every_image_is_of_the_format_that_its_name_says(twin):
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    seen = Counter()
    for path in twin.rglob("*"):
        if path.suffix in kinds:
            with Image.open(path) as image:
                assert image.format == kinds[path.suffix]
            seen[path.suffix] += 1
    assert min(seen.values()) > 100


def test_layouts_share_the_photo_of_a_product(twin, source):
    one = next(o for o in source.world.ensembles for item in o.items if source.world.products[item].category == "dress")
    dress = next(item for item in one.items if source.world.products[item].category == "dress")
    first = twin / "fashion-iq" / "images" / f"{asin(dress)}.jpg"
    other = twin / "polyvore" / "images" / f"{item_id(dress)}.jpg"
    assert first.read_bytes() == other.read_bytes()
    assert first.stat().st_ino == other.stat().st_ino


def test_a_photo_is_copied_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "not supported")

    monkeypatch.setattr(image_files.os, "link", refuse)
    (tmp_path / "a").write_bytes(b"x")
    link(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_bytes() == b"x"


def test_jpeg_is_written_at_the_stated_quality(twin):
    reference = io.BytesIO()
    Image.new("RGB", (16, 16)).save(reference, "JPEG", quality=QUALITY, subsampling="4:2:0")
    with Image.open(next((twin / "fashion-iq" / "images").iterdir())) as image, Image.open(reference) as wanted:
        assert image.quantization == wanted.quantization


def test_a_parse_map_keeps_its_classes_and_shows_them_in_colours(tmp_path):
    classes = np.arange(20, dtype=np.uint8).reshape(4, 5)
    save(tmp_path / "map.png", parse_map(classes))
    with Image.open(tmp_path / "map.png") as image:
        assert np.array_equal(np.asarray(image), classes)
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) == 20
    assert np.array_equal(np.asarray(grey(classes > 3)), np.where(classes > 3, 255, 0))


def test_atelier_is_whole_and_counts_every_layout(twin):
    data = Atelier(twin)
    found = status("atelier", data, twin, {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable)) == ((), (), {})
    assert found.whole
    assert found.synthetic
    assert {name.partition("/")[0] for name in found.counts} == set(LOADERS)
    assert found.counts["fashion-iq/triplets/dress/val"][0] > 0
    assert f"lists/i2t-{DRAWS}" in {name.removeprefix("fashiongen/") for name in data.annotations()}


def test_atelier_without_the_option_has_no_hdf5(tiny):
    data = Atelier(tiny)
    assert set(data.layouts) == set(LOADERS) - {"fashiongen-h5"}
    assert status("atelier", data, tiny, {}).whole


def test_the_truth_is_read_back_from_the_manifest(twin, source):
    again = truth(twin)
    assert again.world.products == source.world.products
    assert again.splits == source.splits
    assert set(again.splits.values()) == set(SPLITS)


def test_a_folder_without_a_mark_is_refused(tmp_path):
    (tmp_path / TWIN_MARK).write_text("{}")
    with pytest.raises(DataError, match="no whole Atelier"):
        Atelier(tmp_path)
    with pytest.raises(DataError, match="root folder"):
        Atelier(None)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1}', '{"version": "x"}'])
def test_a_damaged_mark_is_named(tmp_path, content):
    (tmp_path / "ATELIER.json").write_text(content)
    with pytest.raises(DataError, match=r"ATELIER\.json is not the mark"):
        truth(tmp_path)


def test_another_version_is_reported(tmp_path):
    (tmp_path / "ATELIER.json").write_text(
        '{"version": 0, "seed": 0, "sizes": {"products": 24, "people": 4, "outfits": 0}, "files": 1, "fingerprint": ""}'
    )
    with pytest.raises(DataError, match="made by version 0"):
        truth(tmp_path)


def test_the_specification_imports_nothing_heavy():
    program = (
        "import sys; import fashionbench_atelier.specs, fashionbench_atelier.locate; "
        "print([name for name in ('numpy', 'PIL', 'pyarrow', 'pandas', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

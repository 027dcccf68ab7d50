from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.anatomy.keypoints import COCO_18, body_keypoints
from fashionbench_atelier.anatomy.labels import DRESS_CODE
from fashionbench_atelier.layouts.dress_code import CATEGORIES as ORDER
from fashionbench_atelier.layouts.dress_code import listed_people_of, stem
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, frame, render_person
from fashionbench_tasks.datasets.dress_code import CATEGORIES, DressCode


@pytest.fixture
def data(twin):
    return DressCode(twin / "dress-code")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("category", CATEGORIES)
def test_lists_are_those_of_the_world(data, source, category):
    people = listed_people_of(source, category, "test")
    assert people
    own = [(f"{stem(o.dressed_person.id)}_0", f"{stem(o.dressed_person.id)}_1") for o in people]
    swapped = [(f"{stem(o.dressed_person.id)}_0", f"{stem(o.partner)}_1") for o in people]
    assert [(p.person, p.garment) for p in data.pairs(category, "test", paired=True)] == own
    assert [(p.person, p.garment) for p in data.pairs(category, "test", paired=False)] == swapped
    train = [p.person for p in data.pairs(category, "train", paired=True)]
    assert train == [f"{stem(o.dressed_person.id)}_0" for o in listed_people_of(source, category, "train")]


def test_the_lists_of_all_categories_have_their_number_in_a_third_column(twin):
    root = twin / "dress-code"
    for name in ("train_pairs.txt", "test_pairs_paired.txt", "test_pairs_unpaired.txt"):
        lines = [line.split("\t") for line in (root / name).read_text().splitlines()]
        for number, category in enumerate(ORDER):
            own = [line.split("\t") for line in (root / category / name).read_text().splitlines()]
            assert [line[:2] for line in lines if line[2] == str(number)] == own


def test_counts_and_photos(data, source, twin):
    found = status("dress-code", data, twin / "dress-code", {}, verify=True)
    wanted = {f"pairs/{c}/test": len(listed_people_of(source, c, "test")) for c in CATEGORIES}
    wanted["pairs/test"] = sum(wanted.values())
    assert {name: here for name, (here, _) in found.counts.items()} == wanted
    assert (found.missing, found.extra, dict(found.unreadable), found.synthetic) == ((), (), {}, True)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_person_has_every_condition(data, category):
    for pair in data.pairs(category, "test", paired=False):
        found = data.conditions(pair)
        assert set(found) == {"agnostic-mask", "densepose", "openpose", "parse"}
        for path in (*found.values(), data.photo(category, pair.person), data.photo(category, pair.garment)):
            with Image.open(path) as image:
                assert image.size == (WIDTH, HEIGHT)
        assert (data.root / "truth-unpaired" / category / f"{pair.person}_{pair.garment}.jpg").is_file()
        assert pair.id == f"{category}/{pair.person}"


def test_maps_and_keypoints_are_those_of_the_world(data, source):
    one = listed_people_of(source, "dresses", "test")[0]
    pair = data.pairs("dresses", "test", paired=True)[0]
    canvas = render_person(source.world.seed, one.dressed_person.person, one.dressed_person.outfit)
    wanted = np.vectorize(DRESS_CODE.__getitem__)(canvas.labels)
    parse = pixels(data.conditions(pair)["parse"])
    assert np.array_equal(parse, wanted)
    assert parse.max() < 18
    name = stem(one.dressed_person.id)
    rows = json.loads((data.root / "dresses" / "keypoints" / f"{name}_2.json").read_text())["keypoints"]
    points = body_keypoints(one.dressed_person.person, frame("full"), WIDTH, HEIGHT)[list(COCO_18)]
    assert np.allclose(np.array(rows), np.column_stack([points, np.arange(18)]))
    parts = pixels(data.conditions(pair)["densepose"])
    with np.load(data.root / "dresses" / "dense" / f"{name}_5_uv.npz") as file:
        uv = file["uv"]
    assert uv.shape == (2, HEIGHT, WIDTH)
    assert uv.dtype == np.float32
    assert (uv.min(), uv.max()) == (0, 1)
    assert not uv[:, parts == 0].any()


def test_lists_that_stand_for_each_other_are_refused(copied):
    root = copied("dress-code")
    folder = root / "upper_body"
    one, other = folder / "test_pairs_paired.txt", folder / "test_pairs_unpaired.txt"
    paired, unpaired = one.read_text(), other.read_text()
    one.write_text(unpaired)
    other.write_text(paired)
    for flag, said in ((True, "is not paired: 0 of"), (False, "is not unpaired: ")):
        with pytest.raises(DataError, match=said):
            DressCode(root).pairs("upper_body", "test", paired=flag)


def test_masks_may_be_named_without_the_suffix_of_the_person(copied):
    root = copied("dress-code")
    for path in list((root / "dresses" / "agnostic_masks").iterdir()):
        path.rename(path.with_name(path.name.replace("_0.png", ".png")))
    data = DressCode(root)
    assert "agnostic-mask" in data.conditions(data.pairs("dresses", "test", paired=True)[0])


def test_missing_and_extra_photos_are_named(copied):
    root = copied("dress-code")
    data = DressCode(root)
    pair = data.pairs("dresses", "test", paired=True)[0]
    data.photo("dresses", pair.garment).rename(root / "dresses" / "images" / "999999_1.jpg")
    found = status("dress-code", data, root, {})
    assert (found.missing, found.extra) == ((f"dresses/{pair.garment}",), ("dresses/images/999999_1.jpg",))


def test_one_category_is_enough(copied, tmp_path):
    root = copied("dress-code")
    for category in ("dresses", "lower_body"):
        (root / category).rename(tmp_path / category)
    data = DressCode(root)
    counts = data.counts()
    assert set(counts) == {"pairs/upper_body/test", "pairs/test"}
    with pytest.raises(DataError, match=r"test_pairs_paired\.txt cannot be read"):
        data.pairs("dresses", "test", paired=True)


@pytest.mark.parametrize(
    ("line", "said"), [("000001_0.jpg", "line 1: expected"), ("../../a_0.jpg b_1.jpg", "line 1: .* leads out")]
)
def test_a_malformed_pair_is_named(copied, line, said):
    root = copied("dress-code")
    (root / "dresses" / "test_pairs_paired.txt").write_text(line)
    with pytest.raises(DataError, match=said):
        DressCode(root).pairs("dresses", "test", paired=True)


def test_a_folder_without_a_category_is_refused(tmp_path):
    with pytest.raises(DataError, match="looked for dresses, lower_body, upper_body"):
        DressCode(tmp_path)
    with pytest.raises(DataError, match="root folder"):
        DressCode(None)

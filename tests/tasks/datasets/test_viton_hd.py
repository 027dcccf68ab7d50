from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.layouts.viton_hd import listed_people_of, stem
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_garment, render_person
from fashionbench_atelier.world.dressed_people import swapped_outfit
from fashionbench_tasks.datasets.viton_hd import CONDITIONS, VitonHD, read_pairs


def differing(one, other):
    """Share of pixels that differ by more than JPEG does."""
    return (np.abs(one - other).max(axis=-1) > 60).mean()


@pytest.fixture
def data(twin):
    return VitonHD(twin / "viton-hd")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int16)


def test_paired_is_own_garment_and_unpaired_is_the_partners(data, source):
    people = listed_people_of(source, "test")
    assert [(p.person, p.garment) for p in data.pairs("test", paired=True)] == [
        (stem(one.dressed_person.id), stem(one.dressed_person.id)) for one in people
    ]
    unpaired = [(p.person, p.garment) for p in data.pairs("test", paired=False)]
    assert unpaired == [(stem(one.dressed_person.id), stem(one.partner)) for one in people]
    assert all(person != garment for person, garment in unpaired)
    assert sorted(garment for _, garment in unpaired) == [person for person, _ in unpaired]


def test_people_without_a_partner_are_in_train(data, source):
    moved = [o for o in source.listed_people if o.dressed_person.split == "test" and o.split == "train"]
    assert moved
    assert all(one.partner is None for one in source.listed_people if one.split == "train")
    trained = [pair.person for pair in data.pairs("train", paired=True)]
    assert trained == [stem(one.dressed_person.id) for one in listed_people_of(source, "train")]


def test_counts_and_photos(data, source, twin):
    found = status("viton-hd", data, twin / "viton-hd", {}, verify=True)
    assert {name: here for name, (here, _) in found.counts.items()} == {
        f"pairs/{split}": len(listed_people_of(source, split)) for split in ("train", "test")
    }
    assert (found.missing, found.extra, dict(found.unreadable), found.synthetic) == ((), (), {}, True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_person_has_every_condition_in_the_size_of_the_photo(data, split):
    for pair in data.pairs(split, paired=True):
        found = data.conditions(split, pair)
        assert set(found) == set(CONDITIONS)
        for path in (*found.values(), data.person(split, pair.person), data.garment(split, pair.garment)):
            with Image.open(path) as image:
                assert image.size == (WIDTH, HEIGHT)
        folder = data.root / split
        assert (folder / "openpose_json" / f"{pair.person}_keypoints.json").is_file()
        assert (folder / "image-parse-agnostic-v3.2" / f"{pair.person}.png").is_file()
    assert data.mask_source(split) == "agnostic-mask"


def test_images_are_those_of_the_world(data, source):
    world, one = source.world, listed_people_of(source, "test")[0]
    product, name = world.products[one.dressed_person.garment], stem(one.dressed_person.id)
    canvas = render_person(world.seed, one.dressed_person.person, one.dressed_person.outfit)
    drawn = np.asarray(canvas.image()).astype(np.int16)
    # JPEG is lossy: the mean error of quality 92 is far below what another image would give.
    assert np.abs(pixels(data.person("test", name)) - drawn).mean() < 3
    flat = np.asarray(render_garment(world.seed, product).image()).astype(np.int16)
    assert np.abs(pixels(data.garment("test", name)) - flat).mean() < 3


def test_the_parse_map_holds_the_labels_of_the_world(data, source):
    world, one = source.world, listed_people_of(source, "test")[0]
    pair = next(p for p in data.pairs("test", paired=True) if p.person == stem(one.dressed_person.id))
    found = pixels(data.conditions("test", pair)["parse"])
    assert np.array_equal(found, render_person(world.seed, one.dressed_person.person, one.dressed_person.outfit).labels)
    assert (found == labels.UPPER).any()


def test_the_agnostic_mask_covers_the_garment_and_greys_the_agnostic_image(data):
    for pair in data.pairs("test", paired=True):
        found = data.conditions("test", pair)
        mask = pixels(found["agnostic-mask"])
        assert set(np.unique(mask)) == {0, 255}
        parse, agnostic = pixels(found["parse"]), pixels(found["agnostic"])
        assert (mask[parse == labels.UPPER] == 255).mean() > 0.99
        person = pixels(data.person("test", pair.person))
        inside = np.asarray(Image.fromarray((mask > 0).astype(np.uint8) * 255).resize((48, 64), Image.Resampling.BOX))
        block = np.kron(inside == 255, np.ones((8, 8), dtype=bool))
        outer = np.kron(inside == 0, np.ones((8, 8), dtype=bool))
        assert np.abs(agnostic[block] - 128).mean() < 3
        assert np.abs(agnostic[outer] - person[outer]).mean() < 2


def test_the_unpaired_truth_is_the_person_in_the_partners_garment(data, source):
    world = source.world
    dressed_people = {one.id: one for one in world.dressed_people}
    people = listed_people_of(source, "test")
    folder = data.root / "truth-unpaired" / "test"
    assert {path.stem for path in folder.iterdir()} == {
        f"{p.person}_{p.garment}" for p in data.pairs("test", paired=False)
    }
    for one in people[:2]:
        garment = world.products[dressed_people[one.partner].garment]
        drawn = render_person(
            world.seed, one.dressed_person.person, swapped_outfit(one.dressed_person, garment)
        ).image()
        found = pixels(folder / f"{stem(one.dressed_person.id)}_{stem(one.partner)}.jpg")
        own = pixels(data.person("test", stem(one.dressed_person.id)))
        assert differing(found, np.asarray(drawn).astype(np.int16)) < 0.002
        assert differing(found, own) > 0.008


def test_a_paired_list_in_the_place_of_the_unpaired_one_is_refused(copied):
    root = copied("viton-hd")
    path = root / "test_pairs.txt"
    own = "".join(f"{line.split()[0]} {line.split()[0]}\n" for line in path.read_text().splitlines())
    unpaired = VitonHD(root).pairs("test", paired=False)
    (root / "test_unpairs.txt").write_text(path.read_text())
    path.write_text(own)
    assert VitonHD(root).pairs("test", paired=False) == unpaired
    (root / "test_unpairs.txt").unlink()
    with pytest.raises(DataError, match=r"test_pairs\.txt is a paired list"):
        VitonHD(root).pairs("test", paired=False)
    assert VitonHD(root).pairs("test", paired=True)


def test_an_empty_list_is_neither(tmp_path):
    (tmp_path / "test_pairs.txt").write_text("\n")
    data = VitonHD(tmp_path)
    assert data.pairs("test", paired=False) == data.pairs("test", paired=True) == []
    assert data.counts() == {"pairs/test": 0}


def test_other_names_of_the_condition_folders_are_read(copied):
    root = copied("viton-hd")
    renamed = {
        "agnostic-v3.2": "agnostic",
        "agnostic-mask": "agnostic_mask",
        "image-densepose": "densepose",
        "openpose_img": "openpose-img",
        "image-parse-v3": "image-parse",
    }
    for old, new in renamed.items():
        (root / "test" / old).rename(root / "test" / new)
    data = VitonHD(root)
    pair = data.pairs("test", paired=True)[0]
    assert set(data.conditions("test", pair)) == set(CONDITIONS)
    assert data.mask_source("test") == "agnostic_mask"


def test_missing_and_extra_photos_and_conditions_are_named(copied):
    root = copied("viton-hd")
    data = VitonHD(root)
    pair = data.pairs("test", paired=True)[0]
    data.person("test", pair.person).rename(root / "test" / "image" / "stray.jpg")
    data.conditions("test", pair)["densepose"].unlink()
    found = status("viton-hd", data, root, {})
    assert found.missing == (f"test/image/{pair.person}",)
    assert found.extra == ("test/image/stray.jpg",)
    assert set(data.conditions("test", pair)) == set(CONDITIONS) - {"densepose"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("00001_00.jpg", "line 2: expected a person and a garment"),
        ("../../x.jpg 00001_00.jpg", "line 2: .* leads out"),
        ("00001_00.jpg /etc/x.jpg", "line 2: .* leads out"),
    ],
)
def test_a_malformed_pair_is_named(copied, line, said):
    root = copied("viton-hd")
    path = root / "test_pairs.txt"
    lines = path.read_text().splitlines()
    lines.insert(1, line)
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=said) as caught:
        VitonHD(root).pairs("test", paired=True)
    assert "test_pairs.txt" in str(caught.value)


def test_pairs_may_have_a_third_field_and_any_white_space(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_bytes(b"a_0.jpg\tb_1.jpg\t2\r\n\r\nc_0.png   d_1.png\n")
    assert read_pairs(path) == [("a_0", "b_1"), ("c_0", "d_1")]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_pairs(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "absent.txt")


def test_a_folder_without_a_list_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"looked for test_pairs\.txt"):
        VitonHD(tmp_path)
    with pytest.raises(DataError, match="root folder"):
        VitonHD(None)


def test_a_pair_that_stands_twice_in_a_list_that_is_measured_is_named(copied):
    root = copied("viton-hd")
    path = root / "test_pairs.txt"
    first, second = path.read_text().splitlines()[:2]
    person = first.split()[0].rpartition(".")[0]
    path.write_text(path.read_text() + f"{first.split()[0]} {second.split()[1]}\n")
    # In another garment it is another pair, and in its own the same person.
    assert [pair.person for pair in VitonHD(root).pairs("test", paired=False)].count(person) == 2
    assert [pair.person for pair in VitonHD(root).pairs("test", paired=True)].count(person) == 1
    path.write_text(path.read_text() + f"{first}\n")
    with pytest.raises(DataError, match=rf"test_pairs.txt names the person {person} twice, in the garment "):
        VitonHD(root).pairs("test", paired=False)

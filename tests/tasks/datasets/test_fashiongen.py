from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.data.lazy_items import opened
from fashionbench.errors import DataError
from fashionbench_atelier.layouts.fashiongen import DRAWS, NEGATIVES
from fashionbench_atelier.rendering.photos import render_photo
from fashionbench_atelier.world.captions import description, name
from fashionbench_tasks.datasets.fashiongen import FashionGen


@pytest.fixture
def data(twin):
    return FashionGen(twin / "fashiongen")


@pytest.fixture
def h5(twin):
    return FashionGen(twin / "fashiongen-h5")


@pytest.mark.parametrize("split", ["train", "val"])
def test_photos_and_texts_are_those_of_the_world(data, source, split):
    found = [(p.id, p.product, p.title, p.description) for p in data.photos(split)]
    seed = source.world.seed
    assert found == [
        (f"{split}/{product.id}_{index}", str(product.id), name(product), description(seed, product).text)
        for product in source.products(split)
        for _, index in source.photo_keys(product)
    ]
    assert data.counts()[f"products/{split}"] == len(source.products(split))


def test_pixels_are_those_of_the_world(data, source):
    photo = data.photos("val")[3]
    identity, index = map(int, photo.id.removeprefix("val/").split("_"))
    world = source.world
    drawn = render_photo(world.seed, world.products[identity], world.photos(identity)[index]).image()
    assert np.array_equal(np.asarray(opened(photo.image).image), np.asarray(drawn))


def test_every_photo_is_there(data, twin):
    found = status("fashiongen", data, twin / "fashiongen", {}, verify=True)
    assert (found.missing, found.extra, dict(found.unreadable)) == ((), (), {})


@pytest.mark.parametrize("draw", range(1, DRAWS + 1))
def test_candidate_lists_have_one_positive_and_negatives_of_its_subcategory(data, source, draw):
    owner = {p.id: p.product for p in data.photos("val")}
    cut = {str(product.id): product.cut for product in source.products("val")}
    sizes = {c: list(cut.values()).count(c) for c in cut.values()}
    i2t, t2i = data.lists(f"i2t-{draw}"), data.lists(f"t2i-{draw}")
    assert [owner[row["query"]] for row in i2t] == [row["query"] for row in t2i]
    for product, ids in [
        *((owner[row["query"]], row["candidates"]) for row in i2t),
        *((row["query"], [owner[photo] for photo in row["candidates"]]) for row in t2i),
    ]:
        assert ids.count(product) == 1
        assert len(set(ids)) == len(ids) == min(NEGATIVES + 1, sizes[cut[product]]) > 1
        assert {cut[one] for one in ids} == {cut[product]}
    assert {row["query"] for row in t2i} == {p for p in cut if sizes[cut[p]] > 1}


def test_draws_differ_and_use_one_photo_a_product(data):
    first, second = data.lists("t2i-1"), data.lists("t2i-2")
    assert first != second
    for rows in (first, second):
        photos = {photo for row in rows for photo in row["candidates"]}
        products = {photo.partition("_")[0] for photo in photos}
        assert len(photos) == len(products)


def test_hdf5_holds_the_same_photos_and_texts(data, h5):
    assert h5.layout == {"train": "h5", "val": "h5"}
    one, other = data.photos("val"), h5.photos("val")
    assert [(p.product, p.title, p.description) for p in one] == [(p.product, p.title, p.description) for p in other]
    assert h5.counts() == data.counts()
    for at in (0, len(one) // 2, len(one) - 1):
        assert np.array_equal(np.asarray(opened(one[at].image).image), np.asarray(opened(other[at].image).image))
    assert h5.images() == {}
    assert set(h5.annotations()) == {"train", "val"}


def test_hdf5_strings_are_latin_1_in_columns_of_one(twin):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs the extra 'data'")
    with h5py.File(twin / "fashiongen-h5" / "fashiongen_256_256_train.h5") as file:
        compositions = file["input_composition"]
        assert compositions.shape == (len(file["input_image"]), 1)
        values = {value.decode("iso-8859-1") for value in compositions[:].reshape(-1)}
        assert "100% crêpe" in values
        with pytest.raises(UnicodeDecodeError):
            "".join(value.decode("utf-8") for value in compositions[:].reshape(-1))


def test_accents_of_latin_1_are_decoded_and_rows_of_a_product_may_lie_apart(tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs the extra 'data'")
    rows = {"productID": [7, 9, 7], "name": ["Crêpe", "Étoile", "Crêpe"]}
    with h5py.File(tmp_path / "fashiongen_256_256_validation.h5", "w") as file:
        file["input_image"] = np.zeros((3, 2, 2, 3), dtype=np.uint8)
        file["input_productID"] = np.array(rows["productID"]).reshape(-1, 1)
        for key in ("name", "description", "category", "subcategory"):
            file[f"input_{key}"] = np.array([t.encode("iso-8859-1") for t in rows["name"]]).reshape(-1, 1)
    data = FashionGen(tmp_path)
    assert [(p.product, p.title) for p in data.photos("val")] == [("7", "Crêpe"), ("9", "Étoile"), ("7", "Crêpe")]
    assert data.counts() == {"photos/val": 3, "products/val": 2}
    with pytest.raises(DataError, match="no split train"):
        data.photos("train")


def test_a_column_that_is_missing_or_short_is_named(twin, tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs the extra 'data'")
    path = tmp_path / "fashiongen_256_256_validation.h5"
    shutil.copy(twin / "fashiongen-h5" / path.name, path)
    with h5py.File(path, "r+") as file:
        values = file["input_name"][:-1]
        del file["input_name"]
        file["input_name"] = values
    with pytest.raises(DataError, match="values of input_name"):
        FashionGen(tmp_path).photos("val")
    with h5py.File(path, "r+") as file:
        del file["input_name"]
    with pytest.raises(DataError, match="has no input_name"):
        FashionGen(tmp_path).photos("val")
    path.write_bytes(b"no hdf5")
    with pytest.raises(DataError, match="is no HDF5 file"):
        FashionGen(tmp_path).photos("val")


def test_names_of_images_may_have_the_split_in_front(copied):
    root = copied("fashiongen")
    path = root / "val_info.json"
    entries = json.loads(path.read_text())
    before = [photo.id for photo in FashionGen(root).photos("val")]
    for entry in entries:
        entry["images"] = [f"val/{image}" for image in entry["images"]]
    path.write_text(json.dumps(entries))
    data = FashionGen(root)
    assert [photo.id for photo in data.photos("val")] == before
    assert not status("fashiongen", data, root, {}).missing


def test_missing_and_extra_photos_are_named(copied):
    root = copied("fashiongen")
    victim = next(iter(FashionGen(root).images()))
    (root / f"{victim}.png").rename(root / "train" / "stray.png")
    found = status("fashiongen", FashionGen(root), root, {})
    assert (found.missing, found.extra) == ((victim,), ("train/stray.png",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e[2].pop("title"), "entry 2: 'title' is nothing"),
        (lambda e: e[0].update(images="x.png"), "entry 0: 'images' is str"),
        (lambda e: e[0].update(images=["../../x.png"]), "leads out"),
    ],
)
def test_a_malformed_entry_is_named(copied, change, said):
    root = copied("fashiongen")
    path = root / "val_info.json"
    entries = json.loads(path.read_text())
    change(entries)
    path.write_text(json.dumps(entries))
    with pytest.raises(DataError, match=said):
        FashionGen(root).photos("val")


def test_a_malformed_list_is_named(copied, tmp_path):
    root = copied("fashiongen")
    (root / "lists" / "i2t-1.json").write_text('[{"query": "val/1_0"}]')
    with pytest.raises(DataError, match=r"i2t-1\.json, entry 0: 'candidates' is nothing"):
        FashionGen(root).lists("i2t-1")
    with pytest.raises(DataError, match="no FashionGen folder"):
        FashionGen(tmp_path / "fashiongen" / "lists")


def test_a_photo_that_is_no_image_is_unreadable(copied):
    root = copied("fashiongen")
    data = FashionGen(root)
    victim = data.photos("val")[0]
    data.images()[victim.id].write_bytes(b"broken")
    assert list(status("fashiongen", data, root, {}, verify=True).unreadable) == [victim.id]
    with pytest.raises(DataError, match="cannot be read"):
        opened(victim.image)
    Image.new("RGB", (8, 8)).save(data.images()[victim.id])
    assert opened(victim.image).image.size == (8, 8)

"""Loaders on invented rows in the shape in which each data set is published; the expected values are written by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.dataset import status
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.cirr import CIRR, Query
from fashionbench_tasks.datasets.dress_code import DressCode
from fashionbench_tasks.datasets.fashion200k import Fashion200K, Photo
from fashionbench_tasks.datasets.fashion_iq import FashionIQ, Triplet
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.datasets.mbeir import Entry, MBeir
from fashionbench_tasks.datasets.mgd import MGD
from fashionbench_tasks.datasets.polyvore import Outfit, Polyvore, Question
from fashionbench_tasks.datasets.polyvore_metadata import ItemMetadata
from fashionbench_tasks.datasets.viton_hd import VitonHD

PUBLISHED = Path(__file__).parent / "published"


@pytest.fixture
def published(tmp_path):
    """A function that copies a data set's excerpt, and adds images of one pixel each."""

    def copy(name, *images):
        root = shutil.copytree(PUBLISHED / name, tmp_path / name)
        for place in images:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (1, 1)).save(root / place)
        return root

    return copy


def check(name, data, root, images):
    """The data set names exactly these files, all of them are there, and nothing else is."""
    assert {key: path.relative_to(root).as_posix() for key, path in data.images().items()} == images
    found = status(name, data, root, {}, verify=True)
    assert (found.missing, dict(found.unreadable), found.extra, found.synthetic) == ((), {}, (), False)


def test_fashion_iq(published):
    suffixes = {1: "png", 2: "jpg", 3: "png", 4: "jpg", 5: "png", 6: "jpg", 7: "jpg", 8: "jpg"}
    files = {f"B00INVENT{n}": f"images/B00INVENT{n}.{suffix}" for n, suffix in suffixes.items()}
    root = published("fashion-iq", *files.values())
    data = FashionIQ(root)
    assert data.triplets("dress", "val") == [
        Triplet(
            "dress-val-00000", "dress", "B00INVENT1", ("is darker with thin straps", "has a longer hem."), "B00INVENT2"
        ),
        Triplet("dress-val-00001", "dress", "B00INVENT1", ("is more formal", "has no belt"), "B00INVENT3"),
        Triplet("dress-val-00002", "dress", "B00INVENT4", ("is red, and shorter", ""), "B00INVENT1"),
    ]
    assert [(t.reference, t.captions, t.target) for t in data.triplets("dress", "test")] == [
        ("B00INVENT6", ("is white", "has a collar"), ""),
        ("B00INVENT7", ("has a print", "is looser"), ""),
        ("B00INVENT6", ("is the same", "is the same but blue"), ""),
    ]
    assert data.split("dress", "val") == ["B00INVENT1", "B00INVENT2", "B00INVENT3", "B00INVENT4", "B00INVENT5"]
    assert data.union("dress", "val") == ["B00INVENT1", "B00INVENT2", "B00INVENT3", "B00INVENT4"]
    assert data.counts() == {
        "triplets/dress/val": 3,
        "images/dress/val": 5,
        "union/dress/val": 4,
        "triplets/dress/test": 3,
        "images/dress/test": 3,
    }
    check("fashion-iq", data, root, files)


def test_cirr(published):
    val = ("dev-1-0-img0", "dev-1-0-img1", "dev-1-2-img0", "dev-1-3-img1", "dev-2-0-img0", "dev-2-1-img1")
    test = ("test1-9-0-img0", "test1-9-0-img1", "test1-9-1-img0", "test1-9-1-img1", "test1-9-2-img0", "test1-9-2-img1")
    files = {name: f"dev/{name}.png" for name in val} | {name: f"test1/{name}.png" for name in test}
    root = published("cirr", *files.values())
    data = CIRR(root)
    assert data.queries("val") == [
        Query("12060", "dev-1-0-img0", "Show two of them on a sofa", "dev-1-0-img1", val),
        Query("12061", "dev-1-0-img1", "Only one, seen from the side", "dev-1-2-img0", val),
        Query("12063", "dev-1-2-img0", "Make the background green", "dev-1-0-img0", val),
    ]
    assert data.queries("test1") == [
        Query("4", "test1-9-0-img0", "Put it in a bowl", "", test),
        Query("5", "test1-9-0-img1", "More of them", "", test),
        Query("6", "test1-9-1-img0", "The same from above", "", test),
    ]
    assert data.counts() == {"queries/val": 3, "images/val": 6, "queries/test1": 3, "images/test1": 6}
    check("cirr", data, root, files)


def test_fashiongen_as_fashionvil_extracts_it(published):
    names = ("900001_0", "900001_1", "900002_0", "900003_0", "900003_2")
    files = {f"val/{name}": f"val/{name}.png" for name in names}
    root = published("fashiongen", *files.values())
    data = FashionGen(root)
    coat = ("900001", "Grey Wool Coat", "Long coat in grey wool. Notched lapel collar.", "3", "17")
    jeans = ("900002", "Black Jeans", "Skinny-fit jeans in black. Fading at front.", "4", "22")
    shirt = ("900003", "Café T-Shirt", "Short sleeve t-shirt in ‘crème’.", "5", "31")
    assert [(p.id, p.product, p.title, p.description, p.category, p.subcategory) for p in data.photos("val")] == [
        ("val/900001_0", *coat),
        ("val/900001_1", *coat),
        ("val/900002_0", *jeans),
        ("val/900003_0", *shirt),
        ("val/900003_2", *shirt),
    ]
    assert data.counts() == {"photos/val": 5, "products/val": 3}
    check("fashiongen", data, root, files)


def test_fashiongen_as_it_is_distributed(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs the optional dependencies fashionbench[data]")
    pixels = np.zeros((3, 256, 256, 3), dtype=np.uint8)
    pixels[:, 0, 0] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    columns = {
        "name": ("Grey Coat", "Grey Coat", "Café Tee"),
        "description": ("In wool.", "In wool.", "In crème."),
        "category": ("JACKETS & COATS", "JACKETS & COATS", "TOPS"),
        "subcategory": ("COATS", "COATS", "T-SHIRTS"),
        "gender": ("Women", "Women", "Men"),
        "season": ("SS2016", "SS2016", "FW2015"),
    }
    with h5py.File(tmp_path / "fashiongen_256_256_validation.h5", "w") as file:
        file["input_image"] = pixels
        file["input_productID"] = np.array([[900001], [900001], [900003]])
        file["index"] = np.array([[0], [1], [2]])
        for name, texts in columns.items():
            file[f"input_{name}"] = np.array([[text.encode("iso-8859-1")] for text in texts])
    photos = FashionGen(tmp_path).photos("val")
    assert [(p.id, p.product, p.title, p.description, p.category, p.subcategory) for p in photos] == [
        ("val-000000", "900001", "Grey Coat", "In wool.", "JACKETS & COATS", "COATS"),
        ("val-000001", "900001", "Grey Coat", "In wool.", "JACKETS & COATS", "COATS"),
        ("val-000002", "900003", "Café Tee", "In crème.", "TOPS", "T-SHIRTS"),
    ]
    assert [photo.image.open().image.getpixel((0, 0)) for photo in photos] == [(1, 2, 3), (4, 5, 6), (7, 8, 9)]


def test_fashion200k(published):
    day, cocktail = "women/dresses/casual_and_day_dresses/90000001", "women/dresses/cocktail_dresses/90000002"
    names = (f"{day}/90000001_0.jpeg", f"{day}/90000001_2.jpeg", f"{cocktail}/90000002_0.jpeg")
    root = published("fashion200k", *names)
    data = Fashion200K(root)
    assert data.photos("dress", "test") == [
        Photo(names[0], "90000001", "dress", "blue invented shift dress", 0.98731),
        Photo(names[1], "90000001", "dress", "blue invented shift dress", 0.90112),
        Photo(names[2], "90000002", "dress", "black lace cocktail dress", 0.75),
    ]
    assert data.counts() == {"photos/dress/test": 3}
    check("fashion200k", data, root, {name: name for name in names})


def test_mbeir(published):
    names = [f"mbeir_images/fashion200k_images/women/dresses/{n}/{n}_0.jpg" for n in (1, 2, 3)]
    root = published("mbeir", *names)
    data = MBeir(root)
    task = data.task(0)
    assert task.queries == [
        Entry("1:11", text="blue shift dress"),
        Entry("1:12", text="black lace dress"),
        Entry("1:13", text="a dress that nobody has"),
    ]
    assert task.candidates == [Entry("1:1", image=names[0]), Entry("1:2", image=names[1]), Entry("1:3", image=names[2])]
    assert task.qrels == {"1:11": ["1:1", "1:2"], "1:12": ["1:3"]}
    task = data.task(3)
    assert task.queries == [Entry("1:21", image=names[0]), Entry("1:22", image=names[1]), Entry("1:23", image=names[2])]
    assert task.candidates == [
        Entry("1:31", text="blue shift dress"),
        Entry("1:32", text="blue shift dress"),
        Entry("1:33", text="black lace dress"),
    ]
    assert task.qrels == {"1:21": ["1:31"], "1:22": ["1:32"], "1:23": ["1:33"]}
    assert data.counts() == {
        "queries/task0": 3,
        "candidates/task0": 3,
        "positives/task0": 3,
        "queries/task3": 3,
        "candidates/task3": 3,
        "positives/task3": 3,
    }
    check("fashion200k-mbeir", data, root, {name: name for name in names})


TEST = ("90006_00", "90008_00", "90013_00")
TRAIN = ("90100_00", "90101_00", "90102_00")


def viton_photos():
    return {
        f"{split}/{kind}/{name}": f"{split}/{kind}/{name}.jpg"
        for split, names in (("train", TRAIN), ("test", TEST))
        for kind in ("image", "cloth")
        for name in names
    }


def test_viton_hd(published):
    conditions = {
        "agnostic": "test/agnostic-v3.2/90006_00.jpg",
        "agnostic-mask": "test/agnostic-mask/90006_00_mask.png",
        "densepose": "test/image-densepose/90006_00.jpg",
        "openpose": "test/openpose_img/90006_00_rendered.png",
        "parse": "test/image-parse-v3/90006_00.png",
        "cloth-mask": "test/cloth-mask/90008_00.jpg",
    }
    root = published("viton-hd", *viton_photos().values(), *conditions.values())
    data = VitonHD(root)
    unpaired = data.pairs("test", paired=False)
    assert [(p.person, p.garment) for p in unpaired] == [
        ("90006_00", "90008_00"),
        ("90008_00", "90013_00"),
        ("90013_00", "90006_00"),
    ]
    assert [(p.person, p.garment) for p in data.pairs("test", paired=True)] == [(name, name) for name in TEST]
    assert [(p.person, p.garment) for p in data.pairs("train", paired=True)] == [(name, name) for name in TRAIN]
    found = {name: path.relative_to(root).as_posix() for name, path in data.conditions("test", unpaired[0]).items()}
    assert found == conditions
    assert data.mask_source("test") == "agnostic-mask"
    assert data.counts() == {"pairs/train": 3, "pairs/test": 3}
    check("viton-hd", data, root, viton_photos())


def test_mgd(published):
    own = {f"test/im_sketch/{name}": f"test/im_sketch/{name}.png" for name in TEST}
    pairs = ("90006_00_90008_00", "90008_00_90013_00", "90013_00_90006_00")
    other = {f"test/im_sketch_unpaired/{name}": f"test/im_sketch_unpaired/{name}.png" for name in pairs}
    root = published("viton-hd", *viton_photos().values(), *own.values(), *other.values())
    data = MGD(root)
    assert [data.text(name) for name in TEST] == [
        "white t-shirt, short sleeves, round neck",
        "black top, lace trim, thin straps",
        "striped shirt, long sleeves, button placket",
    ]
    paired = [data.sketch(pair, paired=True).name for pair in data.base.pairs("test", paired=True)]
    assert paired == [f"{name}.png" for name in TEST]
    unpaired = [data.sketch(pair, paired=False).name for pair in data.base.pairs("test", paired=False)]
    assert unpaired == [f"{name}.png" for name in pairs]
    assert data.counts() == {"pairs/test": 3, "captions": 3}
    photos = {key: path for key, path in viton_photos().items() if key.startswith("test/")}
    check("mgd", data, root, photos | own | other)


def test_dress_code(published):
    ids = ("920001", "920002", "920003", "920101", "920102", "920103")
    files = {f"dresses/{n}_{kind}": f"dresses/images/{n}_{kind}.jpg" for n in ids for kind in (0, 1)}
    conditions = {
        "densepose": "dresses/dense/920002_5.png",
        "openpose": "dresses/skeletons/920002_5.jpg",
        "parse": "dresses/label_maps/920002_4.png",
    }
    root = published("dress-code", *files.values(), *conditions.values())
    data = DressCode(root)
    assert [(p.person, p.garment) for p in data.pairs("dresses", "test", paired=True)] == [
        ("920001_0", "920001_1"),
        ("920002_0", "920002_1"),
        ("920003_0", "920003_1"),
    ]
    unpaired = data.pairs("dresses", "test", paired=False)
    assert [(p.person, p.garment) for p in unpaired] == [
        ("920001_0", "920002_1"),
        ("920002_0", "920003_1"),
        ("920003_0", "920001_1"),
    ]
    assert [p.id for p in data.pairs("dresses", "train", paired=True)] == [
        "dresses/920101_0",
        "dresses/920102_0",
        "dresses/920103_0",
    ]
    found = {name: path.relative_to(root).as_posix() for name, path in data.conditions(unpaired[1]).items()}
    assert found == conditions
    assert data.counts() == {"pairs/dresses/test": 3, "pairs/test": 3}
    check("dress-code", data, root, files)


def test_polyvore_outfits(published):
    files = {f"8100000{n}": f"images/8100000{n}.jpg" for n in range(1, 8)}
    root = published("polyvore", *files.values())
    data = Polyvore(root)
    assert data.outfits("test") == {
        "71000001": ("81000001", "81000002", "81000003"),
        "71000002": ("81000004", "81000002"),
        "71000003": ("81000005", "81000006", "81000007"),
    }
    assert data.questions() == [
        Question("blank-00000", ("81000001", "81000003"), ("81000002", "81000005", "81000007", "81000004"), "81000002"),
        Question("blank-00001", ("81000005", "81000006"), ("81000002", "81000007", "81000001", "81000003"), "81000007"),
        Question("blank-00002", ("81000002",), ("81000003", "81000006", "81000007", "81000004"), "81000004"),
    ]
    assert data.compatibility() == [
        Outfit("outfit-00001", ("81000001", "81000002", "81000003"), compatible=True),
        Outfit("outfit-00002", ("81000005", "81000006"), compatible=True),
        Outfit("outfit-00003", ("81000001", "81000004", "81000007"), compatible=False),
    ]
    assert data.counts() == {"outfits/test": 3, "questions/test": 3, "labelled/test": 3}
    assert data.metadata(["81000003", "81000006"]) == {
        "81000003": ItemMetadata("shoes", "41", "Invented pumps"),
        "81000006": ItemMetadata("bags", "37"),
    }
    assert data.annotations().keys() - data.questions_files().keys() == {"polyvore_item_metadata.json"}
    check("polyvore", data, root, files)


@pytest.mark.parametrize(
    ("name", "file", "key", "read"),
    [
        ("cirr", "cirr/image_splits/split.rc2.val.json", "dev-1-0-img0", lambda root: status_of(CIRR(root))),
        ("cirr", "cirr/captions/cap.rc2.val.json", "dev-1-0-img1", lambda root: status_of(CIRR(root))),
        (
            "fashion-iq",
            "captions/cap.dress.val.json",
            "captions",
            lambda root: FashionIQ(root).triplets("dress", "val"),
        ),
        ("fashiongen", "val_info.json", "title", lambda root: FashionGen(root).photos("val")),
        ("mbeir", "query/test/mbeir_fashion200k_task0_test.jsonl", "qid", lambda root: status_of(MBeir(root))),
        ("polyvore", "nondisjoint/test.json", "set_id", lambda root: Polyvore(root).outfits("test")),
        ("polyvore", "nondisjoint/fill_in_blank_test.json", "answers", lambda root: Polyvore(root).questions()),
        ("viton-hd", "captions.json", "90008", lambda root: status_of(MGD(root))),
    ],
)
def test_a_key_that_stands_twice_in_an_annotation_file_is_named(published, name, file, key, read):
    root = published(name)
    text = (root / file).read_text()
    (root / file).write_text(text.replace(f'"{key}":', f'"{key}": "other", "{key}":', 1))
    with pytest.raises(DataError, match=f"the key '{key}' stands twice in one object: \"other\" and ") as caught:
        read(root)
    assert (root / file).name in str(caught.value)


def status_of(data):
    return data.images(), data.counts()

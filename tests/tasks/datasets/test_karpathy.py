"""COCO Captions and Flickr30k on invented rows in the published shape: what is read, asked and counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import fashionbench
from fashionbench.data.dataset import status
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.plugins.manager import Plugins
from fashionbench.training.open_part import open_part
from fashionbench_tasks.captioning.karpathy import karpathy_captioning
from fashionbench_tasks.datasets.karpathy import Captioned, coco, flickr30k
from fashionbench_tasks.karpathy_specs import TASKS
from fashionbench_tasks.retrieval.cross_modal.karpathy_pairs import karpathy_pairs

PUBLISHED = Path(__file__).parent / "published"
SPECS = {spec.id: spec for spec in TASKS}
COCO = {f"COCO_{folder}_00000000090{n}": f"{folder}/COCO_{folder}_00000000090{n}.jpg" for folder, n in
        (("val2014", 1), ("val2014", 2), ("train2014", 3), ("val2014", 4), ("val2014", 5))}  # fmt: skip
KITES, GOAT = "COCO_val2014_000000000901", "COCO_val2014_000000000905"


def picture(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (3, 2), (shade, 20, 90)).save(path)


@pytest.fixture
def root(tmp_path):
    """COCO's excerpt, with an image of another shade for each."""
    root = shutil.copytree(PUBLISHED / "coco-captions", tmp_path / "coco-captions")
    for number, place in enumerate(COCO.values()):
        picture(root / place, 40 * number)
    return root


def test_coco_is_read_as_it_is_published(root):
    data = coco(root)
    assert {name: path.relative_to(root).as_posix() for name, path in data.images().items()} == COCO
    texts = ("A tram on a bridge.", "A bridge with a tram.", "A tram crosses water.", "Public transport.", "A tram.")
    (tram,) = data.split("train")
    assert tram == Captioned("COCO_train2014_000000000903", COCO["COCO_train2014_000000000903"], "train", texts)
    assert [one.id for one in data.split("train", "restval")] == ["COCO_val2014_000000000902", tram.id]
    assert data.counts() == {
        "images/train": 1,
        "images/restval": 1,
        "images/val": 1,
        "images/test": 2,
        "captions/train": 5,
        "captions/restval": 5,
        "captions/val": 5,
        "captions/test": 11,
    }
    found = status("coco-captions", data, root, {}, verify=True)
    assert (found.missing, dict(found.unreadable), found.extra, found.synthetic) == ((), {}, (), False)


@pytest.mark.parametrize("folder", ["", "flickr30k-images", "images"])
def test_flickr30k_is_found_in_the_folders_that_mirrors_use(folder, tmp_path):
    root = shutil.copytree(PUBLISHED / "flickr30k", tmp_path / "flickr30k")
    for name in ("9000001", "9000002", "9000003"):
        picture(root / folder / f"{name}.jpg")
    data = flickr30k(root)
    assert [(one.id, one.split) for one in data.split("train", "val", "test")] == [
        ("9000001", "train"),
        ("9000002", "test"),
        ("9000003", "val"),
    ]
    assert status("flickr30k", data, root, {}, verify=True).missing == ()


def test_every_test_image_asks_for_its_five_captions_and_every_caption_for_its_images(root):
    task = karpathy_pairs(SPECS["coco-captions/karpathy-5k"], DataRoots(named={"coco-captions": root}))
    to_text, to_image = task.folds
    texts = {item.id: item.text for item in to_text.gallery}
    assert len(texts) == 10 and "A sixth caption about kites." not in texts.values()
    assert [item.id for item in to_text.queries] == [item.id for item in to_image.gallery] == [KITES, GOAT]
    kites = [texts[name] for name in to_text.positives[KITES]]
    assert kites == [
        "Two kites above a beach.",
        "Kites in the sky.",
        "A beach with two kites flying",
        "The sky holds kites.",
        "Someone flies kites.",
    ]
    assert {item.id: item.text for item in to_image.queries} == texts
    assert to_image.positives[to_text.positives[GOAT][0]] == [GOAT]
    facts = task.info().facts
    assert facts["captions beyond the first five"] == "1"
    assert facts["captions that several images share"] == "2"
    assert task.info().sizes == {"photos": 2, "texts": 10}
    # What is trained on is train and restval, with all captions.
    part = open_part("coco-captions/karpathy-5k", Plugins(), DataRoots(named={"coco-captions": root}))
    assert [len({pair.product for pair in part.data.pairs}), len(part.data.pairs)] == [2, 10]


def test_captions_are_scored_against_all_that_an_image_has(root):
    spec, roots = SPECS["coco-captions/karpathy-captioning"], DataRoots(named={"coco-captions": root})
    (fold,) = karpathy_captioning(spec, roots).folds
    assert [item.id for item in fold.items] == [KITES, GOAT]
    assert len(fold.references[KITES]) == 6 and len(fold.references[GOAT]) == 5
    (root / COCO[GOAT]).unlink()
    (fold,) = karpathy_captioning(spec, roots).folds
    assert [item.id for item in fold.items] == [KITES] and fold.unavailable == (GOAT,)
    assert fold.asked == (KITES, GOAT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda images: images[1].update(split="dev"),
            r"entry 1: the split 'dev' is none of train, restval, val, test",
        ),
        (lambda images: images[2].pop("sentences"), "entry 2: 'sentences' is nothing"),
        (lambda images: images[0]["sentences"].append("words"), "entry 0 is no object"),
        (lambda images: images[0]["sentences"].append({"raw": 3}), "entry 0: 'raw' is int"),
        (lambda images: images.append(images[0]), f"names images twice: {KITES}"),
        (lambda images: images[0].update(filename="../../other.jpg"), "other.jpg"),
    ],
)
def test_a_wrong_entry_is_named(change, said, root):
    path = root / "karpathy" / "dataset_coco.json"
    whole = json.loads(path.read_text())
    change(whole["images"])
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match=said):
        coco(root).images()


def test_without_test_images_or_captions_there_is_no_task(root):
    path = root / "karpathy" / "dataset_coco.json"
    whole = json.loads(path.read_text())
    whole["images"][0]["sentences"] = [{"raw": "  "}]
    path.write_text(json.dumps(whole))
    spec, roots = SPECS["coco-captions/karpathy-5k"], DataRoots(named={"coco-captions": root})
    with pytest.raises(DataError, match=f"the image {KITES} has no caption"):
        karpathy_pairs(spec, roots)
    path.write_text(json.dumps({"images": whole["images"][1:4]}))
    with pytest.raises(DataError, match="there are no test images"):
        karpathy_pairs(spec, roots)
    path.write_text("[]")
    with pytest.raises(DataError, match="holds no list of images"):
        coco(root)


def test_controls_are_where_theory_puts_them(tmp_path):
    config = {
        "tasks": ["scenes/karpathy-retrieval"],
        "backends": ["control/oracle", "control/constant"],
        "data": {"scenes": str(tmp_path / "scenes")},
    }
    fashionbench.make_data("scenes", tmp_path / "scenes", sizes={"train": 0, "restval": 0, "val": 0, "test": 20})
    oracle, constant = fashionbench.run(config, store=tmp_path / "store")
    assert oracle.metric("mean-hit@1,5,10").value == 1
    # 100 captions, five of them right, and twenty images: all are tied.
    assert constant.metric("hit@1").value == pytest.approx(1 / 20)

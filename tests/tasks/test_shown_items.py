"""What tasks show to people: the right image beside the right words, of the slice and the side that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.info import DataInfo
from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.shown_items import ShowsItems
from fashionbench_tasks.captioning.task import CaptionFold, Captioning
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.samples import GenerationSample
from fashionbench_tasks.generation.task import Generation
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

INFO = DataInfo("sha256:0", {})
COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250), "grey": (90, 90, 90)}


@pytest.fixture
def files(tmp_path):
    paths = {name: tmp_path / f"{name}.png" for name in COLOURS}
    for name, path in paths.items():
        Image.new("RGB", (8, 6), COLOURS[name]).save(path)
    return paths


def colours(item):
    return {what: tuple(np.asarray(image)[0, 0].tolist()) for what, image in item.images.items()}


def test_retrieval_shows_queries_and_candidates_of_a_fold(files, plugins):
    folds = [
        Fold(
            name=name,
            queries=[ComposedItem("q", Image.new("RGB", (2, 2), COLOURS[query]), "longer")],
            gallery=[ImageFile("a", files["blue"]), TextItem("b", "a skirt")],
            positives={"q": ["a"]},
        )
        for name, query in (("dress", "red"), ("shirt", "green"))
    ]
    task = Retrieval(plugins.tasks["wardrobe/text-to-image"], INFO, lambda: folds)
    assert isinstance(task, ShowsItems)
    (shown,) = task.shown("shirt", "query", {"q", "unknown"}).values()
    assert (shown.text, colours(shown)) == ("longer", {"reference": COLOURS["green"]})
    candidates = task.shown("dress", "candidate", {"a", "b"})
    assert colours(candidates["a"]) == {"image": COLOURS["blue"]}
    assert (candidates["b"].text, colours(candidates["b"])) == ("a skirt", {})
    assert task.shown("hat", "query", {"q"}) == {}


def test_captioning_shows_its_images(files, plugins):
    folds = [
        CaptionFold(
            name=name, items=[ImageItem("one", Image.new("RGB", (2, 2), COLOURS[name]))], references={"one": ["x"]}
        )
        for name in ("red", "green")
    ]
    task = Captioning(plugins.tasks["atelier/fashiongen-captioning-products"], INFO, lambda: folds)
    assert isinstance(task, ShowsItems)
    assert colours(task.shown("green", "query", {"one"})["one"]) == {"image": COLOURS["green"]}
    assert task.shown("green", "candidate", {"one"}) == {}


def test_generation_shows_what_is_given_and_what_should_come_out(files, plugins):
    tryon = GenerationSample(id="1", slice="upper", person=files["red"], garment=files["green"], truth=files["blue"])
    design = GenerationSample(
        id="2", slice="upper", person=files["red"], garment=files["grey"], truth=None, text="a green coat"
    )
    task = Generation(plugins.tasks["atelier/mgd-paired"], INFO, [tryon, design], {}, Resize(4, 3, "bicubic"))
    assert isinstance(task, ShowsItems)
    shown = task.shown("upper", "query", {"1", "2"})
    assert colours(shown["1"]) == {"person": COLOURS["red"], "garment": COLOURS["green"], "truth": COLOURS["blue"]}
    assert (shown["2"].text, colours(shown["2"])) == (
        "a green coat",
        {"person": COLOURS["red"], "sketch": COLOURS["grey"]},
    )
    assert {image.size for image in shown["1"].images.values()} == {(4, 3)}
    assert task.shown("lower", "query", {"1"}) == {}


def test_data_sets_of_others_have_no_credit_and_those_that_may_be_shown_have_one(plugins):
    credited = {spec.id for spec in plugins.datasets if spec.image_credit}
    assert credited == {"wardrobe-emoji", "atelier", "scenes"}
    assert all(plugins.datasets[name].access in {"bundled", "generated"} for name in credited)

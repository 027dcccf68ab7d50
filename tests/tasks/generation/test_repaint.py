"""Repainting, on images of a few pixels whose errors can be computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.info import DataInfo
from fashionbench.errors import DataError
from fashionbench.metrics.scoring import score
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.runner.stored_images import image_access
from fashionbench.specs import BackendSpec
from fashionbench_tasks.generation.repaint import repaint
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.samples import GenerationSample, LazySample
from fashionbench_tasks.generation.task import Generation
from fashionbench_tasks.generation.training_set import TrainingSample, training_tryon_examples

SIZE = Resize(16, 16, "lanczos")
GREY, RED = (100, 100, 100), (200, 0, 0)
SPEC = BackendSpec(id="t/red", summary="", target="a:b", revision="1", capabilities=frozenset({"try-on"}))


class PaintsRed:
    """Returns a red image whatever the person."""

    def try_on(self, items):
        return [np.full((16, 16, 3), RED, dtype=np.uint8) for _ in items]


@pytest.fixture
def sample(tmp_path):
    """A grey person whose left half may be repainted."""
    for name in ("person", "garment"):
        Image.new("RGB", (16, 16), GREY).save(tmp_path / f"{name}.png")
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 8, 16))
    mask.save(tmp_path / "mask.png")
    person = tmp_path / "person.png"
    conditions = {"agnostic-mask": tmp_path / "mask.png"}
    return GenerationSample(
        id="one", slice="all", person=person, garment=tmp_path / "garment.png", truth=person, conditions=conditions
    )


def predict(task, sample, plugins, store):
    """Run a task of the registry on this sample; its values, and the pixels that it keeps."""
    made = Generation(plugins.tasks[task], DataInfo("x", {}), [sample], {"one": sample.person}, SIZE)
    resources = SessionResources(keep=store.keep_image)
    session = Session(SPEC, PaintsRed, owner=EmbeddingOwner(identity="x"), seed=0, resources=resources)
    predictions = made.predict(session)
    loader = ExtractorLoader(plugins, "cpu")
    images = image_access(predictions, made, store, loader, None, lambda count, kind: None)
    names = ["mse", "mse-garment"]
    scores = score(predictions, plugins.tasks[task], plugins.metrics, "x", names=names, images=images)
    assert scores.absent == []
    with Image.open(store.predictions.image_path(predictions.table.column("image")[0].as_py())) as image:
        return {part.id: part.value for part in scores.metrics}, np.asarray(image)


def test_a_repaint_keeps_the_person_outside_the_mask_and_the_model_inside(sample, plugins, store):
    plain, pixels = predict("viton-hd/paired", sample, plugins, store)
    assert (pixels == RED).all()
    again, pixels = predict("viton-hd/paired-repaint", sample, plugins, store)
    assert (pixels[:, :8] == RED).all()
    assert (pixels[:, 8:] == GREY).all()
    # Each channel is off by 100 of 255, everywhere, and then in one half.
    assert plain["mse"] == pytest.approx((100 / 255) ** 2)
    assert again["mse"] == pytest.approx((100 / 255) ** 2 / 2)
    # Inside the mask nothing is won.
    assert plain["mse-garment"] == again["mse-garment"] == pytest.approx((100 / 255) ** 2)


def test_a_repaint_needs_a_mask(sample, plugins):
    bare = GenerationSample(
        id="one", slice="all", person=sample.person, garment=sample.garment, truth=sample.truth, conditions={}
    )
    with pytest.raises(DataError, match="one has no agnostic mask"):
        repaint(bare, np.zeros((16, 16, 3), dtype=np.uint8), SIZE)


@pytest.mark.parametrize("name", ["agnostic-mask", "garment-mask", "cloth-mask"])
def test_masks_that_a_model_is_given_have_the_shape_of_their_photo(sample, tmp_path, name):
    """The mask of the person is held to the person's photo, that of the garment to the garment's."""
    side = {"cloth-mask": sample.garment}.get(name, sample.person)
    for photo in (sample.person, sample.garment):
        Image.new("RGB", (16, 16), GREY).save(photo)
    conditions = {name: sample.conditions["agnostic-mask"]}
    opened = LazySample(replace(sample, conditions=conditions), SIZE)
    assert opened.open().conditions[name].size == (16, 16)
    Image.new("RGB", (16, 24), GREY).save(side)
    with pytest.raises(DataError, match=rf"mask\.png is 16 x 16 pixels and its photo .*{side.name} 16 x 24"):
        opened.open()
    if name == "cloth-mask":  # a design has a sketch of the garment, which is no photo of it
        Image.new("RGB", (16, 16), GREY).save(sample.garment)
        mask = Image.open(conditions[name]).resize((16, 24))
        mask.save(conditions[name])
        words = replace(sample, conditions=conditions, text="a dress")
        assert LazySample(words, SIZE).open().conditions[name].size == (16, 16)


@pytest.fixture
def over(tmp_path):
    """A function that writes an image of a size that is to lie over the person, of 16 x 16 pixels."""

    def write(width, height):
        Image.new("RGB", (width, height), GREY).save(tmp_path / "over.png")
        return tmp_path / "over.png"

    return write


@pytest.mark.parametrize("name", ["agnostic", "densepose", "openpose", "parse"])
@pytest.mark.parametrize(("width", "height"), [(16, 24), (64, 48), (16, 12)])
def test_a_condition_is_never_stretched_over_a_person_of_another_shape(sample, over, name, width, height):
    opened = LazySample(replace(sample, conditions={name: over(64, 64)}), SIZE)
    assert opened.open().conditions[name].size == (16, 16)
    over(width, height)
    said = rf"the {name} .*over\.png is {width} x {height} pixels and its photo .*{sample.person.name} 16 x 16"
    with pytest.raises(DataError, match=said) as caught:
        opened.open()
    assert "crop or pad" in caught.value.remedy


def test_a_sketch_is_never_stretched_over_a_person_of_another_shape(sample, over):
    words = replace(sample, garment=over(8, 8), text="a dress", conditions={})
    learnt = TrainingSample(
        person=sample.person, garment=sample.garment, conditions={}, text="a dress", sketch=words.garment
    )
    opened = [LazySample(words, SIZE).open, lambda: training_tryon_examples([learnt], SIZE).tryon_examples[0]]
    assert opened[0]().sketch.size == opened[1]().sketch.image.size == (16, 16)
    over(16, 24)
    for read in opened:
        with pytest.raises(DataError, match=r"the sketch .*over\.png is 16 x 24 pixels and its photo .* 16 x 16"):
            read()

"""Images that generated ones are compared with, at the size of a task, and their hashes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import DataError
from fashionbench_tasks.generation.images import GenerationImages
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.samples import GenerationSample


@pytest.fixture
def images(tmp_path):
    """A person twice as large as the task, with both masks; one sample has neither truth nor mask."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "person.png")
    for name, side in (("garment", 0), ("agnostic", 6)):
        mask = Image.new("L", (12, 16), 0)
        mask.paste(255, (side, 0, side + 6, 16))
        mask.save(tmp_path / f"{name}.png")
    person = tmp_path / "person.png"
    masks = {"agnostic-mask": tmp_path / "agnostic.png", "garment-mask": tmp_path / "garment.png"}
    more = {"slice": "all", "person": person, "garment": None}
    samples = [
        GenerationSample(id="one", truth=person, conditions=masks, **(more | {"garment": person})),
        GenerationSample(id="sketched", truth=None, text="a dress", **(more | {"garment": person})),
        GenerationSample(id="bare", truth=None, **more),
    ]
    return GenerationImages(samples, {"person": person}, Resize(6, 8, "bicubic"))


def test_images_are_of_the_task_s_size_and_the_garment_s_own_mask_comes_first(images, tmp_path):
    with Image.open(tmp_path / "person.png") as image:
        small = np.asarray(image.resize((6, 8), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(images.truth("one"), small)
    np.testing.assert_array_equal(images.real("person"), small)
    np.testing.assert_array_equal(images.garment("one"), small)
    assert images.garment_hash("one") == pixel_hash(small)
    assert images.mask("one").tolist() == [[True] * 3 + [False] * 3] * 8
    assert images.truth_hash("one") == images.real_hash("person") == pixel_hash(small)
    assert images.mask_hash("one") == pixel_hash(images.mask("one"))


def test_a_file_that_has_changed_is_hashed_again(images, tmp_path):
    before = images.truth_hash("one")
    assert images.truth_hash("one") == before
    Image.new("RGB", (12, 16), "red").save(tmp_path / "person.png")
    assert images.truth_hash("one") == pixel_hash(images.truth("one")) != before


def test_what_is_not_there_has_no_hash_and_is_named(images):
    assert images.truth_hash("bare") == images.mask_hash("bare") == ""
    with pytest.raises(DataError, match="no true image of bare"):
        images.truth("bare")
    assert images.garment_hash("bare") == images.garment_hash("sketched") == ""
    with pytest.raises(DataError, match="no garment photo of sketched"):
        images.garment("sketched")
    with pytest.raises(DataError, match="no mask of bare"):
        images.mask("bare")
    with pytest.raises(DataError, match="no pairing other"):
        images.truth("other")
    with pytest.raises(DataError, match="no photo other"):
        images.real("other")


def test_a_hash_knows_shape_and_type():
    zeros = np.zeros((2, 3), dtype=np.uint8)
    assert len({pixel_hash(zeros), pixel_hash(zeros.T.copy()), pixel_hash(zeros.astype(bool))}) == 3

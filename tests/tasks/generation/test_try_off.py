"""Virtual try-off on invented photos; expected values are computed here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.items import TryOffItem
from fashionbench.data.roots import DataRoots
from fashionbench.errors import BackendError
from fashionbench.predictions.images import image_rows
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.images import CropGarment
from fashionbench_tasks.generation.try_off import dresscode, viton

TASK = "viton-hd/try-off"
SIZE = (384, 512)
PERSONS = {"a": (200, 10, 10), "b": (10, 60, 200)}
GARMENTS = {"a": (210, 20, 20), "b": (0, 90, 180)}
#: The box of the mask: a quarter of the width, half of the height.
BOX = (96, 128, 192, 384)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "viton"
    for folder in ("image", "cloth", "cloth-mask", "agnostic-mask", "agnostic-v3.2"):
        (root / "test" / folder).mkdir(parents=True)
    mask = Image.new("L", SIZE)
    mask.paste(255, BOX)
    for name, colour in PERSONS.items():
        photo = Image.new("RGB", SIZE, "white")
        photo.paste(colour, BOX)
        photo.save(root / "test" / "image" / f"{name}.jpg", "PNG")
        photo.save(root / "test" / "agnostic-v3.2" / f"{name}.jpg", "PNG")
        Image.new("RGB", SIZE, GARMENTS[name]).save(root / "test" / "cloth" / f"{name}.jpg", "PNG")
        mask.save(root / "test" / "agnostic-mask" / f"{name}_mask.png")
        Image.new("L", SIZE, 255).save(root / "test" / "cloth-mask" / f"{name}.jpg", "PNG")
    (root / "test_pairs.txt").write_text("a.jpg b.jpg\nb.jpg a.jpg\n")
    return root


def run(root, backend, plugins, store):
    (record,) = api.run({"tasks": TASK, "backends": backend, "data": {"viton-hd": root}}, plugins=plugins, store=store)
    assert record.error is None  # distances are absent where the weights of their networks are
    return record


def error(made, truth):
    """The mean squared error of images, in the scale of 0 to 1."""
    return float(np.mean([((m.astype(float) - t) ** 2).mean() / 255**2 for m, t in zip(made, truth, strict=True)]))


def photos():
    whites = [np.full((512, 384, 3), 255.0) for _ in PERSONS]
    for white, colour in zip(whites, PERSONS.values(), strict=True):
        white[BOX[1] : BOX[3], BOX[0] : BOX[2]] = colour
    return whites, [np.full((512, 384, 3), 1.0) * np.array(colour) for colour in GARMENTS.values()]


def test_what_is_asked_holds_no_outline_of_the_answer(root, plugins):
    task = viton(plugins.tasks[TASK], DataRoots(named={"viton-hd": root}))
    assert [(s.id, s.category, s.garment, s.truth.name) for s in task.samples] == [
        ("a_a", "upper_body", None, "a.jpg"),
        ("b_b", "upper_body", None, "b.jpg"),
    ]
    assert {path.parent.name for sample in task.samples for path in (sample.truth, *task.real.values())} == {"cloth"}
    assert {name for sample in task.samples for name in sample.conditions} == {"agnostic-mask"}
    assert task.info().sizes == {"pairings": 2, "real": 2}
    assert task.training() is None
    assert set(task.shown("all", "query", {"a_a"})["a_a"].images) == {"person", "truth"}


def test_copying_the_person_is_as_far_as_the_photos_are(root, plugins, store):
    record = run(root, "control/copy-person", plugins, store)
    assert record.metric("mse").value == pytest.approx(error(*photos()))
    assert record.metric("mse").n == 2
    assert not {"ssim-garment", "mse-garment"} & {part.id for part in (*record.metrics, *record.absent)}
    rows = list(image_rows(store.read_predictions(record.predictions)))
    # Generated and real images of one garment are known as such, for the distance that leaves these pairs out.
    assert sorted((row.side, row.cluster) for row in rows) == [
        ("generated", "a"), ("generated", "b"), ("real", "a"), ("real", "b"),
    ]  # fmt: skip
    assert {row.mask for row in rows} == {row.garment for row in rows} == {""}


def test_the_garment_is_cut_out_and_laid_on_white_as_large_as_it_fits(root, plugins, store):
    record = run(root, "control/crop-garment", plugins, store)
    made = [np.full((512, 384, 3), 255.0) for _ in PERSONS]
    for white, colour in zip(made, PERSONS.values(), strict=True):
        white[:, 96:288] = colour  # 96 x 256 pixels become 192 x 512, in the middle
    assert record.metric("mse").value == pytest.approx(error(made, photos()[1]))


def test_the_oracle_returns_the_photo_of_the_shop(root, plugins, store):
    record = run(root, "control/oracle-image", plugins, store)
    assert (record.metric("mse").value, record.metric("ssim").value) == (0, 1)


def test_the_mask_of_the_garment_is_better_than_that_of_what_may_be_painted():
    person = Image.new("RGB", (8, 8), (9, 8, 7))
    small, large = Image.new("L", (8, 8)), Image.new("L", (8, 8), 255)
    small.paste(255, (2, 4, 4, 5))
    context = BackendContext({}, 0, "cpu", None)
    (made,) = CropGarment(context).try_off(
        [TryOffItem("x", person, "dresses", {"agnostic-mask": large, "garment-mask": small})]
    )
    # Two pixels in a row become eight by four.
    assert (made[2:6] == [9, 8, 7]).all()
    assert (made[[0, 1, 6, 7]] == 255).all()
    (empty,) = CropGarment(context).try_off(
        [TryOffItem("x", person, "dresses", {"garment-mask": Image.new("L", (8, 8))})]
    )
    assert (empty == 255).all()
    with pytest.raises(BackendError, match="x has no mask of the garment"):
        CropGarment(context).try_off([TryOffItem("x", person, "dresses")])


def test_dress_code_says_which_garment_is_wanted(twin, plugins):
    task = dresscode(plugins.tasks["dress-code/try-off"], DataRoots(named={"dress-code": twin / "dress-code"}))
    assert {sample.category for sample in task.samples} == {"dresses", "lower_body", "upper_body"}
    for sample in task.samples:
        assert sample.category == sample.slice == sample.id.partition("/")[0]
        assert sample.truth in task.real.values()
        assert sample.truth.stem.endswith("_1")
        assert sample.person.stem.endswith("_0")
        item = task.resize.read(sample.person)
        assert item.size == (384, 512)


def test_images_made_elsewhere_are_scored(root, tmp_path, plugins, store):
    folder = tmp_path / "made"
    folder.mkdir()
    for name, colour in GARMENTS.items():
        Image.new("RGB", SIZE, colour).save(folder / f"{name}.png")
    record = api.score(TASK, folder, name="elsewhere", data={"viton-hd": root}, plugins=plugins, store=store)
    assert record.metric("mse").value == 0

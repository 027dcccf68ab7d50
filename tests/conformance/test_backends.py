"""What every registered backend must pass."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData, Triplet
from fashionbench.plugins.manager import Plugins
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench_tasks.wardrobe.dataset import data_root, garments, image_path

BACKENDS = list(Plugins(strict=True).backends)
ENCODERS = [s for s in BACKENDS if s.capabilities & {"encode-image", "encode-text", "encode-composed"}]


@pytest.fixture(scope="module")
def pairs():
    chosen = garments(data_root())[::6]
    return [
        Pair(
            ImageItem(f"{artist}/{g.id}", Image.open(image_path(g.id, artist)).convert("RGB")),
            TextItem(g.id, g.caption),
            g.id,
        )
        for artist in ("noto", "twemoji")
        for g in chosen
    ]


@functools.cache
def untrained():
    """A model as it is before it learns anything, for backends that are nothing without one."""
    import torch

    from fashionbench_unifashion.language import tokenizer as language_tokenizer
    from fashionbench_unifashion.model.config import preset
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer

    captions = [garment.caption for garment in garments(data_root())]
    config = preset("nano")
    torch.manual_seed(0)
    folder = Path(tempfile.mkdtemp())
    model = UniFashion(
        config,
        qformer_tokenizer.train(captions, config.texts),
        language_tokenizer.train(captions, 400, ["USER: <Img>"]),
    )
    model.save(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


def session(spec, tmp_path, **more):
    lacking = [name for name in spec.packages if find_spec(name) is None]
    if lacking:
        pytest.skip(f"{spec.id} needs {', '.join(lacking)}, which is not installed")
    options = {**spec.options, **{name: untrained() for name in spec.models}}
    context = BackendContext(options, 0, "cpu", tmp_path)
    return Session(spec, lambda: resolve(spec.target)(context), owner=EmbeddingOwner(identity="x"), seed=0, **more)


def answers_of(spec, pairs, tmp_path, role="query", order=None, **more):
    """Embed all inputs that a backend takes; gives back one array a capability."""
    items = [pairs[i] for i in order] if order is not None else pairs
    truth = Truth({pair.image.id: frozenset({pair.text.id}) for pair in pairs})
    found = {}
    triplets = [Triplet(one.image, other.text, other.image) for one, other in pairwise(pairs)]
    with session(spec, tmp_path, **more).fold(TrainingData("x", pairs, triplets), truth) as answers:
        if "encode-image" in spec.capabilities:
            found["image"] = answers.embed([pair.image for pair in items], role)
        if "encode-text" in spec.capabilities:
            found["text"] = answers.embed([pair.text for pair in items], role)
        if "encode-composed" in spec.capabilities:
            composed = [ComposedItem(p.image.id, p.image.image, p.text.text) for p in items]
            found["composed"] = answers.embed(composed, role)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("spec", ENCODERS, ids=lambda spec: spec.id)
def test_it_gives_the_same_answer_in_any_batch_and_order_and_twice(spec, pairs, tmp_path):
    whole = answers_of(spec, pairs, tmp_path)
    assert whole
    order = np.random.default_rng(0).permutation(len(pairs))
    for other, back in (
        (answers_of(spec, pairs, tmp_path), slice(None)),
        (answers_of(spec, pairs, tmp_path, batch_size=3), slice(None)),
        (answers_of(spec, pairs, tmp_path, order=order), np.argsort(order)),
    ):
        for name, rows in whole.items():
            np.testing.assert_allclose(other[name][back], rows, atol=2e-5, err_msg=f"{spec.id} {name}")


@pytest.mark.slow
@pytest.mark.parametrize("spec", [s for s in ENCODERS if not s.control], ids=lambda spec: spec.id)
def test_a_contender_does_not_look_at_ids(spec, pairs, tmp_path):
    renamed = [
        Pair(ImageItem(f"i{n}", p.image.image), TextItem(f"t{n}", p.text.text), p.product) for n, p in enumerate(pairs)
    ]
    whole, other = answers_of(spec, pairs, tmp_path), answers_of(spec, renamed, tmp_path)
    for name, rows in whole.items():
        np.testing.assert_allclose(other[name], rows, atol=2e-5)


@pytest.mark.parametrize("spec", BACKENDS, ids=lambda spec: spec.id)
def test_what_needs_a_package_says_so(spec):
    assert bool(spec.packages) == bool(spec.extra)


@pytest.mark.parametrize("spec", BACKENDS, ids=lambda spec: spec.id)
def test_only_controls_are_privileged(spec):
    assert spec.control or not spec.privileged

"""Every backend passes the checks of conformance: the registered ones, and tiny models of each family."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import pytest
import tiny_models

from fashionbench.plugins.manager import Plugins
from fashionbench_tasks.wardrobe.dataset import data_root, garments

# Those of the field's models are checked by tiny models of their families, and need none of the large ones.
# Those behind an endpoint have a server of their own in tests/backends/models.
BACKENDS = [spec for spec in Plugins(strict=True).backends if not spec.address and not spec.id.startswith("endpoint/")]
#: A backend of each family, with the tiny model that it is checked with.
FAMILIES = {
    "models/clip-vit-b32": "clip",
    "models/chinese-clip-b16": "chinese_clip",
    "models/siglip-b16": "siglip",
    "models/siglip2-b16": "siglip2",
    "models/blip2-itm": "blip2_itm",
    "models/dinov2-base": "dinov2",
    "models/marqo-fashion-clip": "open_clip",
    "models/blip2-opt-2.7b": "blip2_captioner",
    "models/qwen2.5-vl-3b": "llava",
    "models/sd15-inpainting": "inpainting",
}
#: Backends of several models, with the tiny model of each option.
PIPELINES = {
    "pipeline/retrieval-augmented-captioner": {"encoder": "dinov2", "captioner": "llava"},
    "pipeline/caption-then-compose": {"encoder": "clip", "captioner": "llava", "language_model": "llama"},
}


@functools.cache
def folder():
    """A folder for the models of this process."""
    made = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def tiny(kind):
    """Write a tiny model of a family."""
    getattr(tiny_models, kind)(folder() / kind)
    more = {"max_new_tokens": 6} if kind in {"llava", "blip2_captioner"} else {}
    more |= {"steps": 2} if kind == "inpainting" else {}
    return {"model": str(folder() / kind), **more}


@functools.cache
def pipeline(name):
    """Write the tiny models of a pipeline."""
    return {option: tiny(kind)["model"] for option, kind in PIPELINES[name].items()} | {"max_new_tokens": 6}


@functools.cache
def untrained():
    """Write a UniFashion as it is before it learns anything."""
    import torch

    from fashionbench_unifashion.language import tokenizer as language_tokenizer
    from fashionbench_unifashion.model.config import preset
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer

    captions = [garment.caption for garment in garments(data_root())]
    config = preset("nano")
    torch.manual_seed(0)
    model = UniFashion(
        config,
        qformer_tokenizer.train(captions, config.texts),
        language_tokenizer.train(captions, 400, ["USER: <Img>"]),
    )
    model.save(folder() / "unifashion")
    return {"model": str(folder() / "unifashion"), "steps": 2}


@functools.cache
def trained_combiner():
    """Write a Combiner that learnt from noise for one step."""
    import numpy as np

    from fashionbench_baselines.composed.combiner_model import CombinerModel
    from fashionbench_baselines.composed.options import CombinerOptions

    rng = np.random.default_rng(0)
    images, texts, targets = rng.random((8, 1280)), rng.random((8, 384)), rng.random((8, 1280))
    options = CombinerOptions(steps=1, projection=8, hidden=8)
    CombinerModel.fit(images, texts, targets, list("abcdefgh"), options, 0).save(folder() / "combiner")
    return {"model": str(folder() / "combiner")}


#: What learnt nothing may say the same of everything.
MODELS = {
    "unifashion": (untrained, ("contents-matter",)),
    "baseline/trained-combiner": (trained_combiner, ()),
    **{name: (functools.partial(pipeline, name), ()) for name in PIPELINES},
}


def marked(function):
    """Mark a test with every backend, and with every family."""
    for spec in BACKENDS:
        # A trainer's model is one of the same backend.
        made, without = MODELS.get(spec.id, MODELS["unifashion"])
        more = {"options": made, "without": without} if spec.models else {}
        function = function if spec.trainer else pytest.mark.backend(spec.id, **more)(function)
    for name, kind in FAMILIES.items():
        function = pytest.mark.backend(name, options=functools.partial(tiny, kind))(function)
    return function


@pytest.mark.slow
@marked
def test_it_conforms(conformance):
    conformance()


@pytest.mark.parametrize("spec", BACKENDS, ids=lambda spec: spec.id)
def test_what_needs_a_package_says_so(spec):
    assert bool(spec.packages) == bool(spec.extra)


@pytest.mark.parametrize("spec", BACKENDS, ids=lambda spec: spec.id)
def test_only_controls_are_privileged(spec):
    assert spec.control or not spec.privileged

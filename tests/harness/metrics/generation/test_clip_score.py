"""CLIP-S on stored predictions: texts that are longer than the network reads are told of, and a lack of texts is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.task_images import pixel_hash
from fashionbench.metrics.scoring import score
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, ImageRow, images_table
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.stored_images import image_access

pytest.importorskip("transformers", reason="transformers, which reads CLIP")

import tiny_clip

from fashionbench.extractors import registry
from fashionbench.extractors.clip import VARIABLE

pytestmark = pytest.mark.slow


@pytest.fixture
def clip(tmp_path, monkeypatch):
    tiny_clip.save(tmp_path / "clip")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "clip"))
    registry.load.cache_clear()
    yield
    registry.load.cache_clear()


def scored(store, texts):
    """Score a different image for each text, without a data set."""
    rows = []
    for name, text in texts.items():
        pixels = np.random.default_rng(len(rows)).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        kept = store.keep_image(png.getvalue())
        rows.append(
            ImageRow(
                item_id=name, slice="all", cluster=name, side="generated", width=64, height=64,
                pixels=pixel_hash(pixels), image=kept, text=text,
            )
        )  # fmt: skip
    plugins = Plugins(strict=True)
    predictions = Predictions(SCHEMA, images_table(rows))
    images = image_access(predictions, None, store, ExtractorLoader(plugins, "cpu"), None, lambda count, kind: None)
    return score(predictions, plugins.tasks["mgd/unpaired"], plugins.metrics, "x", names=["clip-s"], images=images)


def test_a_text_that_is_cut_is_told_of_in_the_method(clip, store):
    (whole,) = scored(store, {"a": "a red dress", "b": "a blue skirt"}).metrics
    (cut,) = scored(store, {"a": "a red dress", "b": "a blue skirt" * 20}).metrics
    assert "cut" not in whole.interval_method
    assert "1 of 2 texts are longer than the network reads, and were cut" in cut.interval_method
    assert whole.value != cut.value


def test_images_without_a_text_are_named(clip, store):
    (absent,) = scored(store, {"a": "a red dress", "b": ""}).absent
    assert absent.reason == "clip-s needs the text of every image, and there is none of b"

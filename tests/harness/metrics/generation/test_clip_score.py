"""CLIP-S on stored predictions: texts that are longer than the network reads are told of, and a lack of texts is."""

from __future__ import annotations

import numpy as np
import pytest
from stored_rows import access, row

from fashionbench.metrics.scoring import score
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, images_table

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
    rng = np.random.default_rng(0)
    rows = [
        row(store, name, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), text=text) for name, text in texts.items()
    ]
    plugins = Plugins(strict=True)
    table = images_table(rows)
    predictions, images = Predictions(SCHEMA, table), access(table, store, plugins=plugins)
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

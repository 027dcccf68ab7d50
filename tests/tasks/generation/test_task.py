"""CLIP-S in the design tasks: measured where its weights are, and absent with the reason where they are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench_tasks.datasets.mgd import MGD

pytest.importorskip("transformers", reason="transformers, which reads CLIP")

import tiny_clip
import torch

from fashionbench.extractors import registry
from fashionbench.extractors.clip import VARIABLE
from fashionbench.records.path_names import without_paths

pytestmark = pytest.mark.slow


@pytest.fixture
def clip(tmp_path, monkeypatch):
    folder = tmp_path / "clip"
    made = tiny_clip.save(folder)
    monkeypatch.setenv(VARIABLE, str(folder))
    registry.load.cache_clear()
    yield made
    registry.load.cache_clear()


def run(task, twin, plugins, store):
    fields = {"tasks": task, "backends": "control/copy-person", "data": {"mgd": twin / "viton-hd"}, "limit": 4}
    record = api.run(fields, plugins=plugins, store=store)[0]
    assert record.status == "partial", record.error
    return record


def cosine(model, processor, image, text):
    words = tiny_clip.tokenizer()
    ids = torch.tensor([words(text)["input_ids"]])
    with torch.inference_mode():
        out = model(input_ids=ids, pixel_values=processor(images=image, return_tensors="pt")["pixel_values"])
        return float(out.logits_per_image / model.logit_scale.exp())


@pytest.mark.parametrize("task", ["mgd/paired", "mgd/unpaired"])
def test_designs_are_compared_with_the_words_they_were_asked_for(task, clip, twin, plugins, store):
    from transformers import CLIPImageProcessorPil

    record = run(task, twin, plugins, store)
    table = store.read_predictions(record.predictions).to_pylist()
    data = MGD(twin / "viton-hd")
    texts = {
        f"{pair.person}_{pair.garment}": data.text(pair.garment)
        for pair in data.base.pairs("test", paired=task == "mgd/paired")
    }
    processor = CLIPImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    made = [row for row in table if row["side"] == "generated"]
    assert len(made) == 4
    expected = []
    for row in made:
        assert row["text"] == texts[row["item_id"]]
        with Image.open(io.BytesIO(store.predictions.read_image(row["image"]))) as image:
            expected.append(100 * max(0, cosine(clip, processor, image.convert("RGB"), texts[row["item_id"]])))
    found = record.metric("clip-s")
    assert "were cut" not in found.interval_method
    assert found.value == pytest.approx(np.mean(expected), abs=1e-3)
    assert found.n == 4
    assert found.unit == "score"


def test_without_weights_the_score_is_absent_with_the_remedy(twin, plugins, store, monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/clip")
    registry.load.cache_clear()
    record = run("mgd/unpaired", twin, plugins, store)
    reason = {absent.id: absent.reason for absent in record.absent}["clip-s"]
    assert f"not at {without_paths('/nowhere/clip')}, where {VARIABLE} points" in reason
    assert "hf download openai/clip-vit-base-patch32" in reason

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fashionbench.errors import MetricError
from fashionbench.metrics.generation.pairwise import clip_score

pytest.importorskip("transformers", reason="transformers, which reads CLIP")

import tiny_clip
import torch
from safetensors.torch import load_file, save_file

from fashionbench.extractors.base import JointExtractor
from fashionbench.extractors.clip import VARIABLE, Clip
from fashionbench.extractors.registry import load

pytestmark = pytest.mark.slow

TEXTS = ["long red dress, v-neck", "a", ""]
MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    tiny_clip.save(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path, monkeypatch):
    """A copy that may be changed, and to which the variable points."""
    copy = shutil.copytree(saved, tmp_path / "clip")
    monkeypatch.setenv(VARIABLE, str(copy))
    return copy


def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((64, 64, 3), (90, 150, 3), (200, 70, 3))]


def pixels(picture):
    """CLIP's preprocessing, written out: the short side to 64 by PIL's bicubic filter, the middle, mean and deviation."""
    image = Image.fromarray(picture)
    scale = 64 / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - 64) // 2, (image.height - 64) // 2
    middle = np.asarray(image.crop((left, top, left + 64, top + 64))) / 255
    return torch.from_numpy(((middle - MEAN) / STD).transpose(2, 0, 1)[None]).float()


def ids(text):
    """A text letter by letter, for the tiny vocabulary has no merges; the last letter of a word is another token."""
    n = len(tiny_clip.LETTERS)
    words = text.replace(",", " ,").replace("-", " - ").split()
    found = [tiny_clip.LETTERS.index(c) + n * (i == len(word) - 1) for word in words for i, c in enumerate(word)]
    return torch.tensor([[2 * n, *found, 2 * n + 1]])


def test_scores_are_those_of_the_raw_model(folder):
    clip, raw = Clip("cpu"), tiny_clip.model(tiny_clip.tokenizer())
    assert isinstance(clip, JointExtractor)
    texts = clip.text_features(TEXTS)
    assert texts.cut.tolist() == [0, 0, 0]
    rows = clip.features(pictures())
    assert rows.shape == texts.features.shape == (3, 512)
    for picture, row in zip(pictures(), rows, strict=True):
        for text, column in zip(TEXTS, texts.features, strict=True):
            with torch.inference_mode():
                out = raw(input_ids=ids(text), pixel_values=pixels(picture))
                cosine = float(out.logits_per_image / raw.logit_scale.exp())
            assert clip_score(row, column, "a") == pytest.approx(100 * max(0, cosine), abs=1e-4)
    assert len({clip_score(rows[0], column, "a") for column in texts.features}) > 1


def test_scores_are_those_of_torchmetrics(folder):
    functional = pytest.importorskip("torchmetrics.functional.multimodal", reason="torchmetrics, the second library")
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    class Plain(CLIPModel):
        """What torchmetrics 1.9 expects: features, and not an output that holds them."""

        def get_image_features(self, *arguments):
            return super().get_image_features(*arguments).pooler_output

        def get_text_features(self, *arguments):
            return super().get_text_features(*arguments).pooler_output

    processor = CLIPProcessor(CLIPImageProcessorPil.from_pretrained(folder), tiny_clip.tokenizer())
    clip, raw = Clip("cpu"), Plain.from_pretrained(folder)
    text = clip.text_features(TEXTS[:1]).features[0]
    for picture, row in zip(pictures(), clip.features(pictures()), strict=True):
        tensor = torch.from_numpy(picture).permute(2, 0, 1)
        with torch.no_grad():
            expected = functional.clip_score(tensor, TEXTS[0], model_name_or_path=lambda: (raw, processor))
        assert clip_score(row, text, "a") == pytest.approx(max(0, float(expected)), abs=1e-3)


def test_what_is_beyond_77_tokens_is_cut_and_counted_and_the_end_is_kept(folder):
    clip = Clip("cpu")
    long = clip.text_features(["a" * 75, "a" * 100, "a" * 75 + "b" * 3])
    assert long.cut.tolist() == [0, 25, 3]
    inside = ids("a" * 75)
    inside[0, 75] = tiny_clip.LETTERS.index("a")  # the word goes on where it is cut
    raw = tiny_clip.model(tiny_clip.tokenizer())
    with torch.inference_mode():
        expected = raw.get_text_features(input_ids=inside).pooler_output[0].numpy()
    np.testing.assert_allclose(long.features[1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(long.features[1], long.features[2])


def test_weights_settings_and_tokenizer_make_the_identity(folder):
    first = Clip("cpu").fingerprint
    assert Clip("cpu").fingerprint == first
    settings = folder / "preprocessor_config.json"
    written = settings.read_text()
    settings.write_text(written.replace('"resample": 3', '"resample": 2'))
    assert settings.read_text() != written
    assert Clip("cpu").fingerprint != first
    settings.write_text(written)
    state = load_file(folder / "model.safetensors")
    state["logit_scale"] += 1
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    assert Clip("cpu").fingerprint != first


def test_pickled_weights_are_read_where_there_are_no_others(folder):
    expected = Clip("cpu").features(pictures())
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    both = Clip("cpu")
    assert list(both.sha256) == ["model.safetensors"]
    weights.unlink()
    alone = Clip("cpu")
    assert list(alone.sha256) == ["pytorch_model.bin"]
    np.testing.assert_array_equal(alone.features(pictures()), expected)


def test_a_folder_of_the_old_layout_gives_the_same(folder):
    """As OpenAI's repositories have it: a pickle with positions, two vocabulary files, sizes as numbers, 2 as the end."""
    new = Clip("cpu")
    expected = new.features(pictures()), new.text_features(TEXTS).features
    state = load_file(folder / "model.safetensors")
    state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(state, folder / "pytorch_model.bin")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    configure("text_config", "eos_token_id", 2)(folder)
    old = {"crop_size": 64, "size": 64, "resample": 3, "do_resize": True, "image_mean": MEAN.tolist()}
    old |= {"do_center_crop": True, "do_normalize": True, "feature_extractor_type": "CLIPFeatureExtractor"}
    (folder / "preprocessor_config.json").write_text(json.dumps({**old, "image_std": STD.tolist()}))
    found = Clip("cpu")
    # A text by a checkpoint that lies otherwise in memory differs by 1e-6: sums of float32 in another order.
    np.testing.assert_allclose(found.features(pictures()), expected[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.text_features(TEXTS).features, expected[1], rtol=0, atol=1e-5)


def test_half_precision_weights_are_computed_with_in_float32(folder):
    state = {name: value.bfloat16() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    assert {p.dtype for p in Clip("cpu")._model.parameters()} == {torch.float32}


def test_a_repository_is_found_in_the_cache(saved, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--acme--tiny"
    shutil.copytree(saved, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    fingerprints = set()
    for name in (str(saved), "acme/tiny", f"acme/tiny@{commit}"):
        monkeypatch.setenv(VARIABLE, name)
        fingerprints.add(Clip("cpu").fingerprint)
    assert len(fingerprints) == 1
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(MetricError, match="openai/clip-vit-base-patch32, are neither a folder nor in the cache"):
        Clip("cpu")


def drop(name):
    return lambda folder: (folder / name).unlink()


def tokenizer_gone(folder):
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)


def edit(change):
    def act(folder):
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors", {"format": "pt"})

    return act


def configure(part, name, value):
    def act(folder):
        path = folder / "config.json"
        config = json.loads(path.read_text())
        (config[part] if part else config)[name] = value
        path.write_text(json.dumps(config))

    return act


def crop(folder):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "crop_size": {"height": 32, "width": 32}}))


DAMAGE = {
    "no configuration": (drop("config.json"), "has no config.json"),
    "no preprocessing": (drop("preprocessor_config.json"), "has no preprocessor_config.json"),
    "no tokenizer": (tokenizer_gone, "has no tokenizer.json, or vocab.json and merges.txt"),
    "no weights": (drop("model.safetensors"), "has no model.safetensors or pytorch_model.bin"),
    "a missing weight": (edit(lambda s: s.pop("visual_projection.weight")), "missing keys visual_projection.weight"),
    "an unknown weight": (edit(lambda s: s.update(extra=torch.zeros(1))), "unexpected keys extra"),
    "another shape": (edit(lambda s: s.update({"text_projection.weight": torch.zeros(512, 31)})), "mismatched keys"),
    "no safetensors": (lambda f: (f / "model.safetensors").write_bytes(b"no"), "cannot be loaded as CLIP"),
    "another crop": (crop, "crops images to"),
    "another end": (configure("text_config", "eos_token_id", 5), "ends texts with"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_refused_with_the_remedy(folder, name):
    act, said = DAMAGE[name]
    act(folder)
    with pytest.raises(MetricError, match=said) as caught:
        Clip("cpu")
    assert VARIABLE in caught.value.remedy
    assert "hf download openai/clip-vit-base-patch32" in caught.value.remedy


def test_another_network_of_the_family_is_refused(tmp_path, monkeypatch):
    tiny_clip.save(tmp_path, patch_size=16)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(MetricError, match="is no clip-vit-base-patch32: it has patches of 16"):
        Clip("cpu")


@pytest.mark.parametrize("place", ["/nowhere/clip", "./nowhere", "acme/nowhere"])
def test_a_place_that_is_not_there_is_named(monkeypatch, place):
    monkeypatch.setenv(VARIABLE, place)
    with pytest.raises(MetricError, match=place) as caught:
        load("clip-vit-base-patch32", "cpu")
    assert VARIABLE in caught.value.remedy

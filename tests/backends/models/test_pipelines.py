"""Pipelines of several models, on tiny models that transformers wrote and on a local server."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext

torch = pytest.importorskip("torch")
pytest.importorskip("openai")
import chat_server  # noqa: E402

AUGMENTED, COMPOSE = "pipeline/retrieval-augmented-captioner", "pipeline/caption-then-compose"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("CHAT_KEY", "any")
    server = chat_server.ChatServer(lambda model, text, image: f"{model}: {text}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def make(tmp_path):
    def build(name, **options):
        spec = Plugins().backends[name]
        return resolve(spec.target)(BackendContext({**spec.options, **options}, 0, "cpu", tmp_path / "cache"))

    return build


@pytest.fixture
def behind(server):
    return {"url": server.url, "model": "m", "key_variable": "CHAT_KEY", "backoff": 0.001}


@pytest.fixture(scope="module")
def photos():
    """Training photos of noise about a colour; every second one has the caption of the one before."""
    rng = np.random.default_rng(1)
    from PIL import Image

    made = []
    for at in range(40):
        pixels = np.clip(rng.integers(0, 255, 3) + rng.integers(-60, 60, (48, 48, 3)), 0, 255).astype(np.uint8)
        image = ImageItem(f"train-{at}", Image.fromarray(pixels))
        made.append(Pair(image, TextItem(f"t{at}", f"caption {at // 2}"), f"p{at}"))
    # A second caption of a photo is not shown.
    return [*made, Pair(made[0].image, TextItem("t-more", "another caption"), "p0")]


def directions(folder, images):
    """Features of CLIP by transformers' own call."""
    from transformers import AutoImageProcessor, CLIPModel

    model, processor = CLIPModel.from_pretrained(folder).eval(), AutoImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        inputs = processor(images=[item.image for item in images], return_tensors="pt")
        rows = model.get_image_features(**inputs)
    rows = getattr(rows, "pooler_output", rows).numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_prompt_holds_captions_of_the_nearest_training_photos(server, behind, make, folder_of, images, photos):
    made = make(AUGMENTED, encoder=str(folder_of("clip")), examples=3, **behind)
    made.fit(TrainingData("train", pairs=photos), 0)
    answers = made.caption(images, "Describe {it}.")
    near = directions(folder_of("clip"), images) @ directions(folder_of("clip"), [p.image for p in photos[:40]]).T
    for row, answer in zip(near, answers, strict=True):
        shown = list(dict.fromkeys(f"caption {at // 2}" for at in np.argsort(-row)))[:3]
        lines = "".join(f"- {one}\n" for one in shown)
        expected = f"Captions of similar products:\n{lines}Describe {{it}}. Write it in the style of these captions."
        assert answer == f"m: {expected}"
    assert len(set(answers)) > 1
    # Each question is about its own image.
    sent = {text: np.asarray(image) for _, text, image in server.seen}
    for item, answer in zip(images, answers, strict=True):
        assert np.array_equal(sent[answer.removeprefix("m: ")], np.asarray(item.image))
    said = made.preprocessing
    assert said["examples"].startswith("different captions of the nearest of 40 training photos")
    assert said["examples shown"] == "9 for 3 images"
    assert said["captioner: prompt"].startswith("Captions of similar products:\n{examples}\nDescribe {it}.")
    assert said["captioner: answers"].startswith("3 asked for")


def test_a_folder_is_shown_the_examples_too(make, folder_of, images, photos, build):
    known = [Pair(p.image, TextItem(p.text.id, "a blue shirt" if i % 2 else "the red dress"), "p") for i, p in enumerate(photos[:10])]  # fmt: skip
    made = make(AUGMENTED, encoder=str(folder_of("dinov2")), captioner=str(folder_of("llava")), examples=1,
                max_new_tokens=6, template="{examples} {instruction}")  # fmt: skip
    made.fit(TrainingData("train", pairs=known), 0)
    alone = build("llava", max_new_tokens=6)
    answers = made.caption(images, "with sleeves")
    for item, answer in zip(images, answers, strict=True):
        options = [alone.caption([item], f"- {one} with sleeves")[0] for one in ("a blue shirt", "the red dress")]
        assert answer in options and len(set(options)) == 2
    assert made.preprocessing["captioner: prompt"] == "{examples} with sleeves"


def test_what_cannot_be_shown_examples_is_said(make, folder_of, images, photos, behind):
    clip, blip = str(folder_of("clip")), str(folder_of("blip2_captioner"))
    with pytest.raises(BackendError, match="has no chat template, so that it follows no instruction"):
        make(AUGMENTED, encoder=clip, captioner=blip)
    with pytest.raises(BackendError, match="neither a folder nor a model behind an endpoint"):
        make(AUGMENTED, encoder=clip)
    with pytest.raises(BackendError, match="there is no encoder"):
        make(AUGMENTED, **behind)
    with pytest.raises(BackendError, match="is asked to encode-image, and the model can caption"):
        make(AUGMENTED, encoder=blip, **behind)
    with pytest.raises(ConfigError, match="template has no {examples}"):
        make(AUGMENTED, encoder=clip, template="{instruction}", **behind)
    with pytest.raises(UnknownNameError):
        make(AUGMENTED, encoder=clip, exmples=3, **behind)
    made = make(AUGMENTED, encoder=clip, **behind)
    with pytest.raises(BackendError, match="before it had examples"):
        made.caption(images, "x")
    with pytest.raises(BackendError, match="'train' has no pairs"):
        made.fit(TrainingData("train"), 0)


def queries(images):
    texts = ("in blue", "with {caption} sleeves", "in blue", "")
    return [ComposedItem(f"q{at}", images[at % 2].image, text) for at, text in enumerate(texts)]


def test_the_caption_is_changed_by_the_language_model_and_encoded(server, behind, make, folder_of, images, build):
    def reply(model, text, image):
        if image is not None:
            return f"a dress of {image.width} pixels"
        return "" if "this instead: \n" in text else f"a red dress {len(text)}"

    server.reply = reply
    made = make(COMPOSE, encoder=str(folder_of("clip")), caption_model="eyes", attempts=1, **behind)
    asked = queries(images)
    with pytest.raises(BackendError, match="no answer for q3"):
        made.encode_composed(asked)
    features = made.encode_composed(asked[:3])
    encoder = build("clip")
    for item, row in zip(asked[:3], features, strict=True):
        prompt = (
            f"A photo shows: a dress of {item.image.width} pixels\nA customer wants this instead: {item.text}\n"
            "Describe in one short sentence the photo that the customer wants. Answer with the description alone."
        )
        told = encoder.encode_texts([TextItem("t", f"a red dress {len(prompt)}")], "query")[0]
        np.testing.assert_allclose(row, told, rtol=1e-5, atol=1e-6)
    # Two references were captioned, once each, by the model that sees; the other model was sent no image.
    assert sorted(image.width for model, _, image in server.seen if model == "eyes") == [30, 64]
    assert all(image is None for model, _, image in server.seen if model == "m")
    np.testing.assert_array_equal(made.encode_images(images, "candidate"), encoder.encode_images(images, "candidate"))
    said = made.preprocessing
    assert said["captioner: prompt"] == "Describe the product in the photo in one sentence."
    assert said["language model: prompt"].startswith("A photo shows: {caption}")
    assert said["captioner: answers"].startswith("2 asked for, 0 kept")
    assert said["queries"].startswith("3 of 2 references; 0 without")


@pytest.mark.parametrize("kind", ["llama", "llama_without_chat"])
def test_folders_alone_compose(kind, make, folder_of, images, build):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = folder_of(kind)
    made = make(COMPOSE, encoder=str(folder_of("siglip")), captioner=str(folder_of("blip2_captioner")),
                language_model=str(folder), max_new_tokens=5, template="a {caption} is {text}", prefix="the")  # fmt: skip
    asked = queries(images)[:3]
    features = made.encode_composed(asked)
    captioner, encoder = build("blip2_captioner", max_new_tokens=5), build("siglip", prefix="the")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    answers = []
    for item in asked:
        (caption,) = captioner.caption([ImageItem("r", item.image)], "")
        # The template of the tiny model puts "is" behind the turn.
        told = f"a {caption} is {item.text}" + (" is" if kind == "llama" else "")
        ids = tokenizer(told, return_tensors="pt", add_special_tokens=kind != "llama")["input_ids"]
        start = ids.shape[1]
        for _ in range(5):
            with torch.no_grad():
                following = model(ids).logits[0, -1].argmax()
            ids = torch.cat([ids, following[None, None]], dim=1)
            if following == 2:
                break
        answers.append(tokenizer.decode(ids[0, start:], skip_special_tokens=True).strip())
    rows = encoder.encode_texts([TextItem("t", answer or item.text) for item, answer in zip(asked, answers, strict=True)], "query")  # fmt: skip
    np.testing.assert_allclose(features, rows, rtol=1e-5, atol=1e-6)
    assert len({row.tobytes() for row in features}) > 1
    assert made.preprocessing["captioner: prompt"] == "none: the model has no chat template"
    assert ("no chat template" in made.preprocessing["language model: model"]) == (kind != "llama")


def test_an_empty_answer_leaves_the_modification_and_is_counted(make, folder_of, images, build):
    made = make(COMPOSE, encoder=str(folder_of("clip")), captioner=str(folder_of("llava")),
                language_model=str(folder_of("llama")), max_new_tokens=1)  # fmt: skip
    # Of equal logits the first is taken, which is padding and no text.
    made._language_model._model.lm_head.weight.data.zero_()
    features = made.encode_composed(queries(images)[:1])
    np.testing.assert_allclose(features, build("clip").encode_texts([TextItem("t", "in blue")], "query"), rtol=1e-5)
    assert "; 1 without an answer" in made.preprocessing["queries"]


@pytest.mark.slow
def test_a_whole_run_records_every_prompt(server, behind, folder_of, tmp_path):
    from PIL import Image

    import fashionbench

    own = tmp_path / "own"
    own.mkdir()
    colours = {"a": (200, 0, 0), "b": (0, 200, 0), "c": (0, 0, 200), "d": (200, 200, 0)}
    for name, colour in colours.items():
        Image.new("RGB", (16, 16), colour).save(own / f"{name}.png")
    (own / "manifest.csv").write_text(
        "image,text,split\na.png,a red thing,train\nb.png,a green thing,train\nc.png,blue,test\nd.png,yellow,test\n"
    )
    options = {"encoder": str(folder_of("clip")), "examples": 1, **behind}
    config = {"tasks": ["manifest/captioning"], "backends": [{"id": AUGMENTED, "options": options}], "data": {"manifest": str(own)}}  # fmt: skip
    (record,) = fashionbench.run(config, store=tmp_path / "store")
    assert record.status == "ok", record.error
    shown = [text.splitlines()[1] for _, text, _ in server.seen]
    assert len(shown) == 2 and set(shown) <= {"- a red thing", "- a green thing"}
    assert "2 training photos" in record.backend.preprocessing["examples"]
    assert record.backend.preprocessing["captioner: prompt"].endswith("Write it in the style of these captions.")

"""Encoders against the calls that the libraries document, on tiny models that the libraries wrote."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import BackendError

torch = pytest.importorskip("torch")

TWO_TOWERS = ("clip", "siglip", "siglip2", "chinese_clip")
EVERY = (*TWO_TOWERS, "blip2_itm", "open_clip", "sentence_transformers")


def _pooled(output):
    return getattr(output, "pooler_output", output).detach().numpy()


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_two_towers_as_transformers_documents_them(kind, build, folder_of, images, texts):
    from transformers import AutoModel, AutoProcessor

    model, processor = (kind_.from_pretrained(folder_of(kind)) for kind_ in (AutoModel, AutoProcessor))
    padding = {"padding": "max_length", "max_length": 12} if kind.startswith("siglip") else {"padding": True}
    words = [item.text.lower() if kind == "siglip2" else item.text for item in texts]
    with torch.no_grad():
        of_images = _pooled(
            model.get_image_features(**processor(images=[i.image for i in images], return_tensors="pt"))
        )
        of_texts = _pooled(
            model.get_text_features(**processor(text=words, truncation=True, return_tensors="pt", **padding))
        )
    encoder = build(kind)
    np.testing.assert_allclose(encoder.encode_images(images, "candidate"), of_images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts, "query"), of_texts, atol=1e-5)


def test_blip2_scores_as_its_two_heads(build, folder_of, images, texts):
    from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForImageTextRetrieval

    folder = folder_of("blip2_itm")
    model = Blip2ForImageTextRetrieval.from_pretrained(folder).eval()
    pixels = AutoImageProcessor.from_pretrained(folder)(images=[i.image for i in images], return_tensors="pt")
    words = AutoTokenizer.from_pretrained(folder)(
        [t.text for t in texts[:3]], padding=True, truncation=True, return_tensors="pt"
    )
    inputs = {
        "pixel_values": pixels["pixel_values"],
        "input_ids": words["input_ids"],
        "attention_mask": words["attention_mask"],
    }
    with torch.no_grad():
        itc = model(**inputs, use_image_text_matching_head=False).logits_per_image.numpy()
        itm = model(**inputs, use_image_text_matching_head=True).logits_per_image.numpy()
    encoder = build("blip2_itm")
    vectors, of_texts = encoder.encode_images(images, "candidate"), encoder.encode_texts(texts[:3], "query")
    assert vectors.shape == (3, 4, 16)
    np.testing.assert_allclose(np.einsum("iqd,td->iqt", vectors, of_texts).max(axis=1), itc, atol=1e-5)
    pairs = [PairItem(str(i), image, text) for i, (image, text) in enumerate(zip(images, texts, strict=False))]
    np.testing.assert_allclose(encoder.score_pairs(pairs), itm[:, 1] - itm[:, 0], atol=1e-5)
    turned = [PairItem(pair.id, pair.candidate, pair.query) for pair in pairs]
    np.testing.assert_array_equal(encoder.score_pairs(turned), encoder.score_pairs(pairs))


def test_blip2_names_a_pair_that_it_cannot_match(build, images):
    with pytest.raises(BackendError, match="both is ImageItem and ImageItem"):
        build("blip2_itm").score_pairs([PairItem("both", images[0], images[1])])


def test_dinov2_as_transformers_documents_it(build, folder_of, images):
    from transformers import AutoImageProcessor, AutoModel

    folder = folder_of("dinov2")
    pixels = AutoImageProcessor.from_pretrained(folder)(images=[i.image for i in images], return_tensors="pt")
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder)(**pixels).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(build("dinov2").encode_images(images, "query"), expected, atol=1e-5)


def test_open_clip_as_its_readme_calls_it(build, folder_of, images, texts):
    import open_clip

    name = f"local-dir:{folder_of('open_clip')}"
    model, transform = open_clip.create_model_from_pretrained(name)
    model.eval()
    with torch.no_grad():
        of_images = model.encode_image(torch.stack([transform(i.image) for i in images])).numpy()
        of_texts = model.encode_text(open_clip.get_tokenizer(name)([t.text for t in texts])).numpy()
    encoder = build("open_clip")
    np.testing.assert_allclose(encoder.encode_images(images, "candidate"), of_images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts, "query"), of_texts, atol=1e-5)


def test_sentence_transformers_as_its_readme_calls_it(build, folder_of, images, texts):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder_of("sentence_transformers")))
    encoder = build("sentence_transformers")
    np.testing.assert_allclose(
        encoder.encode_images(images, "candidate"), model.encode([i.image for i in images]), atol=1e-5
    )
    np.testing.assert_allclose(encoder.encode_texts(texts, "query"), model.encode([t.text for t in texts]), atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_language_model_embeds_the_last_token_or_the_mean(build, folder_of, images, pooling):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = folder_of("llava")
    model, processor = (kind.from_pretrained(folder) for kind in (AutoModelForImageTextToText, AutoProcessor))
    inputs = processor(images=images[0].image, text="<image> a red dress is", return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs, output_hidden_states=True).hidden_states[-1][0]
    expected = states[-1] if pooling == "last" else states.mean(dim=0)
    encoder = build("llava", pooling=pooling)
    (row,) = encoder.encode_composed([ComposedItem("q", images[0].image, "a red dress")])
    np.testing.assert_allclose(row, torch.nn.functional.normalize(expected, dim=0).numpy(), atol=1e-5)
    alone = encoder.encode_images(images, "query"), encoder.encode_texts([TextItem("t", "a red dress")], "query")
    assert all(abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5 for rows in alone)
    assert abs(row - alone[0][0]).max() > 1e-3
    assert abs(row - alone[1][0]).max() > 1e-3


@pytest.mark.parametrize("kind", EVERY)
def test_pieces_and_neighbours_change_nothing(kind, build, images, texts):
    whole, pieces = build(kind), build(kind, batch_size=1)
    for name, items in (("encode_images", images), ("encode_texts", texts)):
        rows = getattr(whole, name)(items, "query")
        np.testing.assert_allclose(rows, getattr(pieces, name)(items, "query"), atol=2e-5)
        np.testing.assert_allclose(rows[::-1], getattr(whole, name)(items[::-1], "query"), atol=2e-5)


def test_a_processor_is_given_eight_images_at_once_and_all_texts(build, images, texts):
    given = []
    encoder = build("clip")
    for tower in (encoder._model.vision_model, encoder._model.text_model):
        tower.register_forward_pre_hook(
            lambda _, args, kwargs: given.append(len((*args, *kwargs.values())[0])), with_kwargs=True
        )
    encoder.encode_images([images[0]] * 18, "query")
    encoder.encode_texts([texts[0]] * 18, "query")
    assert given == [8, 8, 2, 18]


@pytest.mark.parametrize("kind", EVERY)
def test_a_prefix_is_part_of_each_text(kind, build, texts):
    plain, prefixed = build(kind), build(kind, prefix="the red")
    told = [TextItem(item.id, f"the red {item.text}") for item in texts]
    np.testing.assert_allclose(prefixed.encode_texts(texts, "query"), plain.encode_texts(told, "query"), atol=1e-5)
    assert prefixed.preprocessing["text prefix"] == "the red"


@pytest.mark.parametrize("kind", ["clip", "siglip", "blip2_itm", "dinov2", "open_clip"])
def test_half_precision_is_near(kind, build, images):
    full, half = (build(kind, dtype=name).encode_images(images, "query") for name in ("float32", "bfloat16"))
    assert half.dtype == np.float32
    assert 0 < abs(full - half).max() < 0.2 * abs(full).max()


def test_texts_that_are_cut_are_counted(build):
    encoder = build("siglip")
    encoder.encode_texts([TextItem("t", "red " * 40), TextItem("u", "red")], "query")
    assert encoder.preprocessing["texts cut"].startswith("1 ")
    assert "at most 12 tokens, padding max_length" in encoder.preprocessing["texts"]


def test_parameters_are_those_of_the_network(build, folder_of):
    from transformers import CLIPModel

    expected = CLIPModel.from_pretrained(folder_of("clip")).num_parameters()
    assert build("clip").parameters == expected


def test_images_of_one_pixel_and_of_another_shape(build):
    from PIL import Image

    for kind in EVERY:
        items = [ImageItem("dot", Image.new("RGB", (1, 1), "red")), ImageItem("strip", Image.new("RGB", (300, 2)))]
        assert np.isfinite(build(kind).encode_images(items, "query")).all(), kind

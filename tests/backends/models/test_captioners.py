"""Captioners against a loop of the largest logit, written by hand, on tiny models that transformers wrote."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def _greedy(model, inputs, tokens):
    """Take the token of the largest logit until the end token."""
    chosen, step = [], dict(inputs)
    for _ in range(tokens):
        with torch.no_grad():
            output = model(**step, use_cache=True)
        chosen.append(output.logits[0, -1].argmax().item())
        if chosen[-1] == 2:
            break
        step = {"input_ids": torch.tensor([chosen[-1:]]), "past_key_values": output.past_key_values}
    return chosen


def test_a_chat_model_is_given_the_instruction(build, folder_of, images):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    folder = folder_of("llava")
    model, processor = (kind.from_pretrained(folder) for kind in (AutoModelForImageTextToText, AutoProcessor))
    captioner = build("llava", max_new_tokens=6)
    captions = captioner.caption(images, "a red dress")
    for item, caption in zip(images, captions, strict=True):
        inputs = processor(images=item.image, text="<image> a red dress is", return_tensors="pt")
        expected = _greedy(model, inputs, 6)
        assert caption == processor.tokenizer.decode(expected, skip_special_tokens=True).strip()
    assert captioner.caption(images, "blue") != captions
    assert captioner.preprocessing["prompt"] == "blue"
    assert captioner.preprocessing["decoding"] == "greedy, at most 6 tokens"


def test_the_prompt_takes_the_place_of_the_instruction(build, images):
    told = build("llava", max_new_tokens=6, prompt="blue shirt")
    assert told.caption(images, "a red dress") == build("llava", max_new_tokens=6).caption(images, "blue shirt")


def test_a_model_without_a_template_is_given_the_image_alone(build, folder_of, images):
    from transformers import Blip2ForConditionalGeneration, Blip2Processor

    folder = folder_of("blip2_captioner")
    model, processor = (kind.from_pretrained(folder) for kind in (Blip2ForConditionalGeneration, Blip2Processor))
    captioner = build("blip2_captioner", max_new_tokens=5)
    captions = captioner.caption(images, "say what you see")
    for item, caption in zip(images, captions, strict=True):
        inputs = processor(images=item.image, return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(**inputs, max_new_tokens=5, do_sample=False)[0]
        assert caption == processor.tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert "not used" in captioner.preprocessing["prompt"]
    assert captioner.caption(images, "something else") == captions


@pytest.mark.parametrize("kind", ["llava", "blip2_captioner"])
def test_neighbours_change_no_caption(kind, build, images):
    captioner = build(kind, max_new_tokens=6)
    captions = captioner.caption(images, "a dress")
    assert captioner.caption(images[::-1], "a dress") == captions[::-1]
    assert [captioner.caption([item], "a dress")[0] for item in images] == captions

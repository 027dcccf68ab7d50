"""Captions by the image-text-to-text models of transformers: BLIP, BLIP-2, GIT, LLaVA, Qwen-VL, SmolVLM and others.

A model with a chat template is given the image and the instruction as one turn of a user. One without is given the
image, and the option ``prompt`` where there is one: its authors trained it to continue a caption, not to follow the
task's instruction. Decoding is greedy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from fashionbench_models.chat import conversation, has_template, model_inputs
from fashionbench_models.dispatched_model import input_device, where_it_lies
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.loading import load_model, load_processor, require_words
from fashionbench_models.options import read_options
from fashionbench_models.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext


class ImageTextToText:
    """A captioner. Images pass one at a time, so that there is no padding that a caption could depend on.

    :ivar preprocessing: how inputs are prepared and captions decoded, for the record.
    :raises BackendError: where the folder is not whole.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = read_options(context.options)
        self.device = self.options.device or context.device
        self._processor = load_processor(AutoProcessor, self.options)
        require_words(self._processor.tokenizer, self.options.model)
        self._model = load_model(AutoModelForImageTextToText, self.options, self.device)
        placed = where_it_lies(self._model, self.options)
        if placed:
            self.device = str(input_device(self._model))
        self._chat = has_template(self._processor)
        self.parameters = count_parameters(self._model)
        self.preprocessing = {
            "dtype": self.options.dtype,
            **placed,
            "inputs": f"{type(self._processor).__name__}, " + ("chat template" if self._chat else "no chat template"),
            "decoding": f"greedy, at most {self.options.max_new_tokens} tokens",
        }

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:
        """Describe each image."""
        prompt = self.options.prompt or (instruction if self._chat else "")
        self.preprocessing["prompt"] = prompt or "none: the model has no chat template, and the instruction is not used"
        return self.write([Question(item.id, prompt, item.image) for item in items])

    @property
    def follows_instructions(self) -> bool:
        """Whether it is asked by a chat template; without one a text is the beginning of the caption."""
        return self._chat

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question about its image."""
        return [self._answer(one) for one in questions]

    def _answer(self, question: Question) -> str:
        prompt = question.text
        if self._chat:
            inputs: Any = model_inputs(self._processor, conversation(question.image, prompt))
        else:
            inputs = self._processor(images=question.image, **({"text": prompt} if prompt else {}), return_tensors="pt")
        inputs = inputs.to(self.device, self._model.dtype)
        with torch.inference_mode():
            ids = self._model.generate(
                **inputs, max_new_tokens=self.options.max_new_tokens, do_sample=False, num_beams=1
            )[0]
        # A decoder gives its prompt back before the answer; an encoder-decoder, and one that is fed vectors, does not.
        given = inputs.get("input_ids")
        if given is not None and torch.equal(ids[: given.shape[1]], given[0]):
            ids = ids[given.shape[1] :]
        text: str = self._processor.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

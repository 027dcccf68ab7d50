"""Answers of a causal language model of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from fashionbench_models.dispatched_model import input_device, where_it_lies
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.loading import load_model, load_processor, require_words
from fashionbench_models.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.specs.capabilities import BackendContext
    from fashionbench_models.pipelines.options import PipelineOptions
    from fashionbench_models.question import Question


class FolderLanguageModel:
    """A language model by its folder, asked one question at a time, greedily.

    A model with a chat template is asked as a user does; one without continues the text. The answer is its first line.

    :raises BackendError: where the folder is not whole.
    """

    def __init__(self, folder: str, options: PipelineOptions, context: BackendContext) -> None:
        names = ("dtype", "trust_remote_code", "device_map")
        read = read_options({"model": folder, **{name: getattr(options, name) for name in names}})
        self._tokenizer = load_processor(AutoTokenizer, read)
        require_words(self._tokenizer, folder)
        self._model = load_model(AutoModelForCausalLM, read, context.device)
        self._placed = where_it_lies(self._model, read)
        self._device = input_device(self._model) if self._placed else context.device
        self._longest = options.max_new_tokens
        self._chat = bool(self._tokenizer.chat_template)
        self.parameters = count_parameters(self._model)

    def write(self, questions: Sequence[Question]) -> list[str]:
        """Answer each question by the first line that is not empty; an empty text where there is none."""
        return [self._answer(one.text) for one in questions]

    def facts(self, prompt: str) -> dict[str, str]:
        """Say how it was asked."""
        return {
            "model": type(self._model).__name__ + (", chat template" if self._chat else ", no chat template"),
            **self._placed,
            "prompt": prompt,
            "decoding": f"greedy, at most {self._longest} tokens, the first line",
        }

    def _answer(self, text: str) -> str:
        if self._chat:
            turns = [{"role": "user", "content": text}]
            inputs = self._tokenizer.apply_chat_template(
                turns,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                enable_thinking=False,  # templates that know no thinking pass it over
            )
        else:
            inputs = self._tokenizer(text, return_tensors="pt")
        ids, mask = inputs["input_ids"].to(self._device), inputs["attention_mask"].to(self._device)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=self._longest, do_sample=False, num_beams=1
            )
        answer: str = self._tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        return next((line.strip() for line in answer.splitlines() if line.strip()), "")

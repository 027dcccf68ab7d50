"""Captions by a small captioner that ``fashionbench train captioner-from-scratch`` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaForCausalLM

from fashionbench.errors import BackendError, reason_of
from fashionbench_models.captioning.grid_tokens import CHANNELS, SHA256, GridTokens
from fashionbench_models.captioning.small_network import Projection
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.folder import read_json
from fashionbench_models.loading import load_model, load_processor
from fashionbench_models.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext

#: The file that tells such a folder from another one, and that of the weights of the linear layer.
FILE, PROJECTION = "small_captioner.json", "projection.safetensors"


class SmallCaptioner:
    """Tokens of a frozen EfficientNet-Lite0, a linear layer, and a small decoder; greedy, one image at a time.

    :ivar preprocessing: how captions are made, for the record.
    :raises BackendError: where the folder is not whole, or was trained on the features of other weights.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = read_options(context.options)
        self.device = self.options.device or context.device
        folder = Path(self.options.model)
        facts = read_json(folder / FILE)
        if facts.get("encoder") != SHA256:
            msg = f"the captioner in {folder} was trained on the features of another EfficientNet-Lite0"
            raise BackendError(msg, remedy="train it again")
        self._tokenizer = load_processor(AutoTokenizer, self.options)
        self._decoder: Any = load_model(LlamaForCausalLM, self.options, self.device)
        self._projection = Projection(CHANNELS, int(self._decoder.config.hidden_size))
        try:
            self._projection.load_state_dict(load_file(folder / PROJECTION))
        except (OSError, RuntimeError, SafetensorError) as error:
            msg = f"{folder / PROJECTION} cannot be read: {reason_of(error)}"
            raise BackendError(msg, remedy="train the captioner again") from error
        self._projection.to(self.device, self._decoder.dtype).eval()
        self._grid = GridTokens(int(facts["image_size"]), self.device)
        self.parameters = count_parameters(self._decoder) + count_parameters(self._projection)
        self.preprocessing = {
            "dtype": self.options.dtype,
            "image": f"on a white square of {facts['image_size']} pixels, EfficientNet-Lite0",
            "prompt": "none: the instruction is not used",
            "decoding": f"greedy, at most {self.options.max_new_tokens} tokens",
        }

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Describe each image; the instruction is not looked at."""
        return [self._describe(item) for item in items]

    @torch.inference_mode()
    def _describe(self, item: ImageItem) -> str:
        tokens = self._grid.tokens(item.image)[None].to(self.device, self._decoder.dtype)
        first = torch.tensor([[self._tokenizer.bos_token_id]], device=self.device)
        words = self._decoder.get_input_embeddings()(first)
        ids = self._decoder.generate(
            inputs_embeds=torch.cat([self._projection(tokens), words], dim=1),
            max_new_tokens=self.options.max_new_tokens,
            do_sample=False,
            num_beams=1,
        )[0]
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

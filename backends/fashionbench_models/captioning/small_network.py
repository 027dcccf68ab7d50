"""A small captioner: tokens of an image through one linear layer, before the words of a causal language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class Projection(nn.Module):
    """Standardise the tokens of images by the training images, and map them to embeddings of the decoder.

    :param dropout: of what comes out, while it is trained.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.linear = nn.Linear(channels, width)
        self.dropout = nn.Dropout(dropout)

    def standardise_by(self, tokens: Tensor) -> None:
        """Take mean and deviation from the tokens of the training images, [N, cells, channels]."""
        self.mean = tokens.float().mean(dim=(0, 1))
        self.deviation = tokens.float().std(dim=(0, 1)).clamp(min=1e-4)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map [B, cells, channels] to [B, cells, width]."""
        out: Tensor = self.dropout(self.linear((tokens - self.mean) / self.deviation))
        return out


def new_decoder(tokenizer: Any, width: int, layers: int, heads: int, positions: int) -> Any:
    """Make a small Llama with random weights for the words of a tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    config: Any = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=positions,
        attention_dropout=0.1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def logits_of(decoder: Any, prefix: Tensor, ids: Tensor) -> Tensor:
    """Predict each word of texts from an image and the words before it.

    :param prefix: embeddings of the images, [B, cells, width].
    :param ids: the texts with their beginning, [B, L]; padding stands behind them.
    :returns: [B, L - 1, vocabulary], for the second word on.
    """
    words = decoder.get_input_embeddings()(ids[:, :-1])
    logits: Tensor = decoder(inputs_embeds=torch.cat([prefix, words], dim=1)).logits[:, prefix.shape[1] :]
    return logits

"""How long a text may be."""

from __future__ import annotations

from typing import Any


def positions(model: Any, tokenizer: Any) -> int:
    """Return how many tokens a text may have: what the network has positions for, or less if the tokenizer says so."""
    text = getattr(model.config, "text_config", model.config)
    limit = int(getattr(text, "max_position_embeddings", 0) or 0)
    said = int(getattr(tokenizer, "model_max_length", 0) or 0)
    # RoBERTa's positions begin after the padding token's.
    if str(getattr(text, "model_type", "")).startswith(("xlm-roberta", "roberta", "altclip")) and limit > 2:
        limit -= int(getattr(text, "pad_token_id", 1) or 1) + 1
    return min(value for value in (limit, said) if value > 0) if limit > 0 or said > 0 else 512

"""A CLIP with the patches and dimensions of ViT-B/32, random weights and hardly any layers, for tests."""

from __future__ import annotations

import string

# What the byte-level alphabet writes as itself.
LETTERS = string.ascii_lowercase + string.digits + ",.-"


def tokenizer():
    from transformers import CLIPTokenizer

    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[])


def model(words, seed=0, **vision):
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(seed)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={
            **small,
            "vocab_size": len(words),
            "max_position_embeddings": 77,
            "bos_token_id": words.bos_token_id,
            "eos_token_id": words.eos_token_id,
            "pad_token_id": words.eos_token_id,
        },
        vision_config={**small, "image_size": 64, "patch_size": 32, **vision},
        projection_dim=512,
    )
    made = CLIPModel(config).eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            # Positions and words weigh nothing at the usual initialisation, and no test would see them exchanged.
            if "embedding" in name or "projection" in name:
                weight.normal_(0, 0.5)
    return made


def save(folder, seed=0, **vision):
    from transformers import CLIPImageProcessorPil

    words = tokenizer()
    made = model(words, seed, **vision)
    made.save_pretrained(folder)
    words.save_pretrained(folder)
    size = made.config.vision_config.image_size
    crop = {"height": size, "width": size}
    CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=crop).save_pretrained(folder)
    return made

"""Small models of this project's trainers with random weights, as the trainers write them."""

from __future__ import annotations

import json

import tiny_models


def captioner(folder, seed=0):
    import torch
    from safetensors.torch import save_file

    from fashionbench_models.captioning.grid_tokens import CHANNELS, SHA256
    from fashionbench_models.captioning.small_network import Projection, new_decoder
    from fashionbench_models.training.tokenizer import learn_tokenizer

    tokenizer = learn_tokenizer(["a red dress with long sleeves", "the blue shirt"], 330, 16)
    tokenizer.save_pretrained(folder)
    tiny_models.lively(new_decoder(tokenizer, 16, 1, 2, 128), seed).save_pretrained(folder)
    torch.manual_seed(seed)
    projection = Projection(CHANNELS, 16)
    projection.mean.normal_()
    save_file(projection.state_dict(), folder / "projection.safetensors")
    (folder / "small_captioner.json").write_text(json.dumps({"image_size": 64, "encoder": SHA256}))


def inpainting(folder, seed=0):
    from fashionbench_models.try_on.small_network import Size, new_network, new_schedule

    size = Size(16, 12, 2)
    tiny_models.lively(new_network(size, (16, 16)), seed).save_pretrained(folder)
    new_schedule().save_pretrained(folder)
    (folder / "small_inpainting.json").write_text(json.dumps(size.fields()))

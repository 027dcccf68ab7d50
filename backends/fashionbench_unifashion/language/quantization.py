"""Language models kept in 4 or 8 bits by bitsandbytes while they are frozen, and brought back to the type of the rest.

4 bits are the NormalFloat with double quantisation of QLoRA (Dettmers et al., NeurIPS 2023), 8 bits are LLM.int8()
(Dettmers et al., NeurIPS 2022), both as transformers loads them.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn
from transformers import BitsAndBytesConfig
from transformers.utils.import_utils import is_bitsandbytes_available

from fashionbench.errors import BackendError

Bits = Literal["4bit", "8bit"]

#: The kinds of devices that learn beside such weights.
DEVICES = frozenset({"cuda", "xpu"})
#: Bytes of a weight: 4 bits with their 8-bit scale of every 64, or 8 bits.
BYTES = {"4bit": 0.5 + 1 / 64, "8bit": 1.0}


def lacking(device: torch.device | None = None) -> str:
    """Say what a machine lacks to train beside weights in 4 or 8 bits; empty where it lacks nothing.

    :param device: that is trained on; None means the best that there is.
    """
    if not is_bitsandbytes_available():
        return "bitsandbytes is not installed"
    found = device or torch.accelerator.current_accelerator()
    # A processor packs 4 bits anew when it first computes with them outside of training, and then nothing is learnt.
    if found is None or found.type not in DEVICES:
        return "there is no GPU" if device is None else f"{device} is no GPU"
    return ""


def require(bits: Bits, device: torch.device | None = None) -> None:
    """Refuse what this machine cannot do, before anything is read.

    :raises BackendError: with what it lacks.
    """
    if lack := lacking(device):
        remedy = "pip install 'fashionbench[quantization]' on a machine with a GPU, or leave language.quantization out"
        raise BackendError(f"a language model in {bits} is not on this machine: {lack}", remedy=remedy)


def settings(bits: Bits, dtype: torch.dtype) -> Any:
    """Return how transformers is to load a model.

    :param dtype: what it computes in.
    :raises BackendError: where this machine cannot.
    """
    require(bits)
    if bits == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


@torch.no_grad()
def dequantize(network: nn.Module, dtype: torch.dtype) -> int:
    """Put plain linear layers in the place of those of bitsandbytes, with the weights that their bits stand for.

    :returns: how many there were.
    """
    from transformers.integrations.bitsandbytes import dequantize_bnb_weight  # noqa: PLC0415

    kept = [
        (name, module)
        for name, module in network.named_modules()
        if type(module.__dict__.get("_parameters", {}).get("weight")).__name__ in {"Params4bit", "Int8Params"}
    ]
    for name, module in kept:
        whole: Any = module
        weight = dequantize_bnb_weight(whole.weight, getattr(whole, "state", None)).to(dtype)
        plain = nn.Linear(1, 1, bias=False, device="meta")
        plain.in_features, plain.out_features = weight.shape[1], weight.shape[0]
        plain.weight = nn.Parameter(weight, requires_grad=False)
        plain.bias = whole.bias
        network.set_submodule(name, plain.train(module.training))
    return len(kept)

"""Encoders of the published sizes with random weights, written as folders, and asked through a backend or bare."""

from __future__ import annotations

import string
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpu_images import TarMember
    from gpu_parts import PartRun
    from numpy.typing import NDArray

    from fashionbench.runner.session import Session

#: Vision towers as they are published: openai/clip-vit-large-patch14 and google/siglip-so400m-patch14-384.
TOWERS = {
    "clip": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 224, "patch_size": 14},
    "siglip": {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16, "image_size": 384, "patch_size": 14},
}  # fmt: skip
NANO = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64, "patch_size": 32}  # fmt: skip
#: The width of the shared space; a SigLIP has that of its tower.
PROJECTION = 768


def tokenizer() -> Any:
    """Make one that knows letters and digits: no text is encoded, but a folder must have one."""
    from transformers import CLIPTokenizer

    letters = string.ascii_lowercase + string.digits
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[])


def write_model(folder: Path, kind: str, size: str, device: str) -> None:
    """Write a model in bf16: the vision tower in its size, a text tower of one layer, a processor and a tokenizer."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, SiglipConfig, SiglipImageProcessor, SiglipModel

    tower = TOWERS[kind] if size == "real" else NANO
    words = tokenizer()
    text = {
        **{name: tower[name] for name in ("hidden_size", "intermediate_size", "num_attention_heads")},
        "num_hidden_layers": 1,
        "vocab_size": len(words),
        "max_position_embeddings": 64,
        "projection_size": tower["hidden_size"],
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.eos_token_id,
    }
    torch.manual_seed(0)
    with torch.device(device):
        if kind == "clip":
            model: Any = CLIPModel(CLIPConfig(vision_config=tower, text_config=text, projection_dim=PROJECTION))
        else:
            model = SiglipModel(SiglipConfig(vision_config=tower, text_config=text))
    model.to(torch.bfloat16).save_pretrained(folder)
    words.save_pretrained(folder)
    side = tower["image_size"]
    square = {"height": side, "width": side}
    if kind == "clip":
        CLIPImageProcessor(size={"shortest_edge": side}, crop_size=square).save_pretrained(folder)
    else:
        SiglipImageProcessor(size=square).save_pretrained(folder)


def model_folder(run: PartRun, kind: str) -> Path:
    return run.shared_once(f"{kind}-model", lambda draft: write_model(draft, kind, run.size, run.device))


def session_of(folder: Path, device: str, dtype: str, batch_size: int | None = None) -> Session:
    """Open ``hf:FOLDER`` with options, as ``fashionbench run`` does; nothing is kept in a cache."""
    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.named_backends import named_backends
    from fashionbench.runner.session import EmbeddingOwner, Session
    from fashionbench.specs import resolve
    from fashionbench.specs.capabilities import BackendContext

    options = {"dtype": dtype, "device": device}
    (spec,) = named_backends(f"hf:{folder}", options, Plugins())
    built = resolve(spec.target)(BackendContext({**spec.options, **options}, 0, device, folder))
    return Session(
        spec, lambda: built, owner=EmbeddingOwner(identity="gpu"), seed=0, device=device, batch_size=batch_size
    )


class BareLoop:
    """The same folder called as the documentation of transformers does: batch, processor, network, features."""

    def __init__(self, folder: Path, device: str, dtype: str) -> None:
        import torch
        from transformers import AutoImageProcessor, AutoModel

        self.device, self.dtype = device, getattr(torch, dtype)
        self.model = AutoModel.from_pretrained(folder, dtype=self.dtype).to(device).eval()
        self.processor = AutoImageProcessor.from_pretrained(folder)

    def pixels(self, members: Sequence[TarMember]) -> Any:
        images = [member.open().image for member in members]
        return self.processor(images=images, return_tensors="pt")["pixel_values"]

    def features(self, pixels: Any) -> Any:
        import torch

        with torch.inference_mode():
            found = self.model.get_image_features(pixel_values=pixels.to(self.device).to(self.dtype))
        return getattr(found, "pooler_output", found)

    def embed(self, members: Sequence[TarMember], batch: int) -> NDArray[Any]:
        import numpy as np

        parts = [members[at : at + batch] for at in range(0, len(members), batch)]
        return np.concatenate([self.features(self.pixels(part)).float().cpu().numpy() for part in parts])


def timed(call: Any, device: str) -> tuple[Any, float]:
    """Call, and return what came back and the seconds that it took."""
    from gpu_parts import synchronize

    synchronize(device)
    begun = time.perf_counter()
    found = call()
    synchronize(device)
    return found, time.perf_counter() - begun

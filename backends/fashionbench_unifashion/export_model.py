"""Export of a UniFashion model: its parts as folders that ``from_pretrained`` of transformers and diffusers loads."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from transformers import (
    Blip2Config,
    Blip2ForImageTextRetrieval,
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
)

from fashionbench import files
from fashionbench.errors import ConfigError
from fashionbench.output_files import check_folder
from fashionbench_unifashion.model.unifashion import load
from fashionbench_unifashion.qformer.qformer import RENAMED
from fashionbench_unifashion.weights.loading import load_strict
from fashionbench_unifashion.weights.qformer_source import HEADS, SENTENCES

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fashionbench_unifashion.model.unifashion import UniFashion

#: What transformers' BLIP-2 has no place for: the second set of queries, the temperature, and the language head.
_OURS = ("target", "temp", "lm_head.")


def export_model(model: Path, out: Path) -> dict[str, str]:
    """Write ``language``, ``unet``, ``vae`` and ``qformer`` below a folder.

    The language model has its LoRA updates merged in. The Q-Former of a model with BLIP-2's vision encoder is a whole
    ``Blip2ForImageTextRetrieval``; of others it is a ``Blip2QFormerModel``, with queries, words and projections in
    ``heads.safetensors`` beside it. What BLIP-2 has no place for is there in both cases; of a model whose texts pass a
    frozen MiniLM that is the linear map on its vectors too.

    :returns: the class that loads each folder, by its name.
    :raises ConfigError: where the folder exists and is not empty.
    """
    check_folder(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} exists and is not empty", remedy="choose another folder with --out")
    loaded = load(model)
    written = {"qformer": _qformer(loaded, out / "qformer")}
    loaded.pieces.save(out / "qformer")
    if loaded.language is not None:
        network: Any = copy.deepcopy(loaded.language.network)
        if hasattr(network, "merge_and_unload"):
            network = network.merge_and_unload(safe_merge=True)
        network.save_pretrained(out / "language")
        loaded.language.tokenizer.save_pretrained(out / "language")
        written["language"] = type(network).__name__
    if loaded.diffusion is not None:
        parts: dict[str, Any] = {"unet": loaded.diffusion.unet, "vae": loaded.diffusion.vae.network}
        for name, part in parts.items():
            part.save_pretrained(out / name)
            written[name] = type(part).__name__
    return written


def _qformer(model: UniFashion, folder: Path) -> str:
    ours = {name: value.detach() for name, value in model.qformer.state_dict().items()}
    heads = {name: value for name, value in ours.items() if name.startswith(_OURS)}
    theirs = {_renamed(name): value for name, value in ours.items() if name not in heads}
    theirs["query_tokens"] = theirs["query_tokens"].unsqueeze(0)
    if model.config.vision.kind != "blip2":
        inner = {name.removeprefix("qformer."): value for name, value in theirs.items() if name.startswith("qformer.")}
        _save(Blip2QFormerModel(_qformer_config(model)), inner, folder)
        heads |= {name: value for name, value in theirs.items() if not name.startswith("qformer.")}
        kind = "Blip2QFormerModel"
    else:
        vision = model.config.vision
        config = Blip2Config(
            vision_config=Blip2VisionConfig(
                hidden_size=vision.width,
                intermediate_size=vision.ffn,
                num_hidden_layers=vision.layers,
                num_attention_heads=vision.heads,
                image_size=vision.image_size,
                patch_size=vision.patch,
                layer_norm_eps=getattr(model.vision.network.config, "layer_norm_eps", 1e-6),
            ).to_dict(),
            qformer_config=_qformer_config(model).to_dict(),
            num_query_tokens=model.config.qformer.queries,
            image_text_hidden_size=model.config.qformer.embed_dim,
            image_token_index=None,
        )
        theirs |= {f"vision_model.{name}": value for name, value in model.vision.network.state_dict().items()}
        norm = model.vision.ln_vision.state_dict()
        theirs |= {f"vision_model.post_layernorm.{name}": value for name, value in norm.items()}
        _save(Blip2ForImageTextRetrieval(config), theirs, folder)
        kind = "Blip2ForImageTextRetrieval"
    if model.sentence_encoder is not None:
        heads |= {f"{SENTENCES}{name}": value.detach() for name, value in model.sentence_encoder.state_dict().items()}
    plain = {name: value.contiguous().clone() for name, value in heads.items()}
    files.write(folder / HEADS, lambda path: save_file(plain, path))
    return kind


def _save(network: Any, state: dict[str, Tensor], folder: Path) -> None:
    load_strict(network, state, allowed_missing=(), allowed_unexpected=(), source="the trained Q-Former")
    network.save_pretrained(folder)


def _qformer_config(model: UniFashion) -> Blip2QFormerConfig:
    config: Blip2QFormerConfig = copy.deepcopy(model.qformer.transformer.config)
    config.max_position_embeddings = model.config.qformer.positions
    return config


def _renamed(name: str) -> str:
    """Turn our name of a weight of the Q-Former into that of transformers."""
    known = {ours: theirs for theirs, ours in RENAMED.items()}
    return known.get(name, name.replace("transformer.", "qformer.", 1))

"""Start a Q-Former from a BERT, as BLIP-2 does before its first stage.

Self-attention, words, positions and the text's feed-forward networks are BERT's, and the queries' feed-forward networks
begin as copies of the text's (Li et al., ICML 2023, section 3.1; ``init_Qformer`` in LAVIS). Cross-attention, queries
and heads are new. A small BERT serves a small Q-Former alike.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.weights.loading import load_strict, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fashionbench_unifashion.qformer.qformer import QFormer

#: What BERT has no weights for; it keeps its first values.
NEW = (r".+\.crossattention\..+", "reference", "target", r"(vision_proj|text_proj|itm_head|lm_head)\..+", "temp")
#: What is not used of a BERT: its pooler, its heads, and the numbers of positions.
UNUSED = re.compile(r"pooler\..+|cls\..+|embeddings\.(position_ids|token_type_embeddings\.weight)")
_EMBEDDINGS = "embeddings.{}_embeddings.weight"


def load(qformer: QFormer, source: str | Path) -> None:
    """Give a Q-Former the weights of a BERT of the same width, depth, heads and number of positions.

    Words that only the Q-Former has, which come last, such as ``[DEC]``, keep their first values.

    :param source: a folder, file or model id of a BERT.
    :raises BackendError: where its names or shapes do not fit.
    """
    state = convert(read(source))
    _check_sizes(qformer, state, source)
    words, first = state.get("words.weight"), qformer.words.weight.detach()
    if words is not None and len(words) <= len(first):
        state["words.weight"] = torch.cat([words.to(first), first[len(words) :]])
    load_strict(qformer, state, allowed_missing=NEW, allowed_unexpected=(), source=str(source))


def _check_sizes(qformer: QFormer, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Compare the sizes of a BERT with those of a Q-Former.

    :raises BackendError: naming those that differ, and how a recipe sets them.
    """
    layers = {int(found[1]) for name in state if (found := re.match(r"transformer\.encoder\.layer\.(\d+)\.", name))}
    feed = state.get("transformer.encoder.layer.0.intermediate.dense.weight")
    has = {"hidden": state["positions.weight"].shape[1], "layers": len(layers)}
    has |= {"ffn": len(feed)} if feed is not None else {}
    has |= {"positions": len(state["positions.weight"])}
    described = Path(source) / "config.json"
    if described.is_file():  # weights do not tell the heads, and attention by another number of them is another one
        heads = json.loads(described.read_text(encoding="utf-8")).get("num_attention_heads")
        has |= {"heads": heads} if isinstance(heads, int) else {}
    own = {name: getattr(qformer.config, name) for name in has}
    wrong = [name for name in has if has[name] != own[name]]
    if wrong:
        theirs, ours = (", ".join(f"{name} {sizes[name]}" for name in wrong) for sizes in (has, own))
        changes = " ".join(f"--set model.changes.qformer.{name}={has[name]}" for name in wrong)
        raise BackendError(f"the BERT {source} has {theirs}, and the Q-Former {ours}", remedy=f"give {changes}")


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a BERT to those of a Q-Former.

    A Q-Former has no kinds of segments: that of a first sentence, which every text is, is added to the positions.

    :raises BackendError: where there are no positions or segments.
    """
    bert = {name.removeprefix("bert."): value for name, value in state.items()}
    positions, segments = (bert.get(_EMBEDDINGS.format(kind)) for kind in ("position", "token_type"))
    if positions is None or segments is None:
        raise BackendError("these weights are of no BERT: they lack positions or segments", remedy="name a BERT")
    out = {}
    for name, value in bert.items():
        if UNUSED.fullmatch(name):
            continue
        if match := re.fullmatch(r"(encoder\.layer\.\d+\.)(intermediate|output)(\..+)", name):
            out[f"transformer.{match[1]}{match[2]}_query{match[3]}"] = value.clone()
        out[_renamed(name)] = value
    return out | {"positions.weight": positions + segments[0]}


def _renamed(name: str) -> str:
    known = {
        _EMBEDDINGS.format("word"): "words.weight",
        _EMBEDDINGS.format("position"): "positions.weight",
        "embeddings.LayerNorm.weight": "transformer.layernorm.weight",
        "embeddings.LayerNorm.bias": "transformer.layernorm.bias",
    }
    return known.get(name, f"transformer.{name.replace('.attention.self.', '.attention.attention.')}")

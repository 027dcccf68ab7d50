"""Checkpoints of LAVIS: BLIP-2's first stage, and those that UniFashion's released code writes of its Q-Former.

Names are those of ``lavis/models/blip2_models`` and ``lavis/models/eva_vit.py`` (salesforce/LAVIS). LAVIS leaves what
was frozen out of a checkpoint, usually the whole vision encoder.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.weights.loading import load_strict, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from fashionbench_unifashion.qformer.qformer import QFormer
    from fashionbench_unifashion.vision.encoder import VisionEncoder

_LAYER = r"Qformer\.bert\.encoder\.layer\.(\d+)"
_BLOCK = r"visual_encoder\.blocks\.(\d+)"
#: Names of LAVIS, as patterns, and ours of the vision encoder.
_VISION = (
    (r"ln_vision\.(.+)", r"ln_vision.\1"),
    (r"visual_encoder\.cls_token", "network.embeddings.class_embedding"),
    (r"visual_encoder\.pos_embed", "network.embeddings.position_embedding"),
    (r"visual_encoder\.patch_embed\.proj\.(weight|bias)", r"network.embeddings.patch_embedding.\1"),
    (_BLOCK + r"\.norm([12])\.(weight|bias)", r"network.encoder.layers.\1.layer_norm\2.\3"),
    (_BLOCK + r"\.attn\.qkv\.(weight|bias)", r"network.encoder.layers.\1.self_attn.qkv.\2"),
    (_BLOCK + r"\.attn\.proj\.(weight|bias)", r"network.encoder.layers.\1.self_attn.projection.\2"),
    (_BLOCK + r"\.mlp\.(fc[12])\.(weight|bias)", r"network.encoder.layers.\1.mlp.\2.\3"),
)
#: The same of the Q-Former.
_QFORMER = (
    (r"query_tokens", "reference"),
    (r"prompt_tokens", "target"),
    (r"Qformer\.bert\.embeddings\.word_embeddings\.weight", "words.weight"),
    (r"Qformer\.bert\.embeddings\.position_embeddings\.weight", "positions.weight"),
    (r"Qformer\.bert\.embeddings\.LayerNorm\.(weight|bias)", r"transformer.layernorm.\1"),
    (_LAYER + r"\.(attention|crossattention)\.self\.(.+)", r"transformer.encoder.layer.\1.\2.attention.\3"),
    (_LAYER + r"\.(attention|crossattention)\.output\.(.+)", r"transformer.encoder.layer.\1.\2.output.\3"),
    (_LAYER + r"\.((?:intermediate|output)(?:_query)?)\.(.+)", r"transformer.encoder.layer.\1.\2.\3"),
    (r"Qformer\.cls\.predictions\.bias", "lm_head.bias"),
    (r"Qformer\.cls\.predictions\.transform\.dense\.(weight|bias)", r"lm_head.dense.\1"),
    (r"Qformer\.cls\.predictions\.transform\.LayerNorm\.(weight|bias)", r"lm_head.norm.\1"),
    (r"((?:vision_proj|text_proj|itm_head)\.(?:weight|bias)|temp)", r"\1"),
)
#: Second copies, by the name of the first.
_COPIES = {
    "Qformer.cls.predictions.decoder.weight": "Qformer.bert.embeddings.word_embeddings.weight",
    "Qformer.cls.predictions.decoder.bias": "Qformer.cls.predictions.bias",
}
#: What carries nothing: a list of 0, 1, 2, ..., and layers that the released code makes and never calls.
_DEAD = (r"Qformer\.bert\.embeddings\.position_ids", r"query_proj\..+", r"caption_proj\..+")


class Stage1(NamedTuple):
    """A checkpoint under our names."""

    vision: dict[str, Tensor]
    """Of :class:`~fashionbench_unifashion.vision.encoder.VisionEncoder`; if frozen, perhaps the layer norm alone."""
    qformer: dict[str, Tensor]
    """Of :class:`~fashionbench_unifashion.qformer.qformer.QFormer`."""


def convert(state: Mapping[str, Tensor], ignored: Sequence[str] = ()) -> Stage1:
    r"""Rename the weights of a checkpoint.

    :param ignored: regular expressions of names that are left out, such as ``llm_proj\..+``.
    :raises BackendError: on a name that is neither known nor ignored, and on a tied weight whose copies differ.
    """
    vision: dict[str, Tensor] = {}
    qformer: dict[str, Tensor] = {}
    stray = []
    for name, value in state.items():
        if any(re.fullmatch(pattern, name) for pattern in (*_DEAD, *ignored)) or re.fullmatch(
            _BLOCK + r"\.attn\.[qv]_bias", name
        ):
            continue
        if name in _COPIES:
            _require_equal(state, _COPIES[name], name)
        elif (ours := _renamed(name, _VISION)) is not None:
            vision[ours] = value
        elif (ours := _renamed(name, _QFORMER)) is not None:
            qformer[ours] = value.squeeze(0) if ours in {"reference", "target"} else value
        else:
            stray.append(name)
    if stray:
        msg = f"no checkpoint of BLIP-2's first stage has {', '.join(sorted(stray)[:10])} ({len(stray)} such names)"
        raise BackendError(msg, remedy="name what is of other parts in `ignored`")
    return Stage1({**vision, **_qkv_biases(state)}, qformer)


def load(
    source: str | Path,
    vision: VisionEncoder,
    qformer: QFormer,
    *,
    vision_elsewhere: bool = False,
    ignored: Sequence[str] = (),
) -> None:
    """Load a checkpoint into a vision encoder of the kind ``blip2`` and a Q-Former.

    :param source: the file, or a folder that holds it.
    :param vision_elsewhere: the checkpoint may lack the encoder under the layer norm, because it was frozen; then it
        must have been loaded before.
    :param ignored: see :func:`convert`.
    :raises BackendError: on any other difference of names, or of shapes.
    """
    place(convert(read(source), ignored), vision, qformer, str(source), vision_elsewhere=vision_elsewhere)


def place(stage1: Stage1, vision: VisionEncoder, qformer: QFormer, source: str, *, vision_elsewhere: bool) -> None:
    """Give vision encoder and Q-Former the weights of a converted checkpoint; see :func:`load`."""
    # A checkpoint has the whole encoder or nothing of it; half of one is an error either way.
    without = not any(name.startswith("network.") for name in stage1.vision)
    absent = (r"network\..+",) if vision_elsewhere and without else ()
    load_strict(vision, stage1.vision, allowed_missing=absent, allowed_unexpected=(), source=source)
    # BLIP-2 has one set of queries; the second one of UniFashion then keeps its first values.
    load_strict(qformer, stage1.qformer, allowed_missing=("target",), allowed_unexpected=(), source=source)


def _renamed(name: str, names: Sequence[tuple[str, str]]) -> str | None:
    for pattern, ours in names:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours)
    return None


def _qkv_biases(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put the biases of queries and values around that of the keys, which is zero in EVA and not stored."""
    out = {}
    for name, bias in state.items():
        match = re.fullmatch(_BLOCK + r"\.attn\.q_bias", name)
        if match:
            other = name.removesuffix("q_bias") + "v_bias"
            if other not in state:
                raise BackendError(f"the checkpoint has {name} without {other}", remedy="use a whole checkpoint")
            whole = torch.cat([bias, torch.zeros_like(bias), state[other]])
            out[f"network.encoder.layers.{match[1]}.self_attn.qkv.bias"] = whole
    return out


def _equal(one: Tensor, other: Tensor) -> bool:
    # Of a header shapes are known alone.
    return one.shape == other.shape if one.is_meta else torch.equal(one, other)


def _require_equal(state: Mapping[str, Tensor], first: str, second: str) -> None:
    if first not in state or not _equal(state[first], state[second]):
        msg = f"{second} is not a copy of {first}, to which this Q-Former ties it"
        raise BackendError(msg, remedy="use a checkpoint that was trained with tied weights")

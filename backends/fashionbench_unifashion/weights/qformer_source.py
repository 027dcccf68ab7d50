"""Weights of a Q-Former: of a BLIP-2 of transformers, a checkpoint of LAVIS, a BERT, or a model trained here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fashionbench_unifashion.qformer.qformer import ABSENT, from_transformers
from fashionbench_unifashion.weights import bert, lavis
from fashionbench_unifashion.weights.loading import load_strict, read

if TYPE_CHECKING:
    from torch import Tensor

    from fashionbench_unifashion.qformer.qformer import QFormer
    from fashionbench_unifashion.vision.encoder import VisionEncoder

#: What of a BLIP-2 of transformers for retrieval lies outside of its Q-Former.
_OUTSIDE = ("query_tokens", "embeddings.", "vision_projection.", "text_projection.", "itm_head.")
#: The sets of queries, of which a model may have another number than the file.
_QUERIES = ("reference", "target")
_OURS = "qformer."
#: What transformers has no place for, beside its model in a folder that ``export-model`` wrote.
HEADS = "heads.safetensors"
#: Start of the names there of the map on the sentence encoder's vectors, which is no part of a Q-Former.
SENTENCES = "sentence_encoder."


def load(qformer: QFormer, vision: VisionEncoder | None, source: str) -> list[str]:
    """Give a Q-Former the weights of a source, and of LAVIS's the layer norm on image tokens, which lies beside them.

    :returns: what a reader must know, such as how many queries were taken or added.
    :raises BackendError: where names or shapes are not those of this Q-Former.
    """
    state = read(source, skip=("vision_model.",))
    beside = Path(source) / HEADS
    if beside.is_file():
        inner = {name if name.startswith((_OURS, *_OUTSIDE)) else f"{_OURS}{name}": t for name, t in state.items()}
        heads = read(beside)
        own = {name: value for name, value in heads.items() if not name.startswith(SENTENCES)}
        state, notes = fit_queries(qformer, from_transformers(inner | own))
        load_strict(qformer, state, allowed_missing=(), allowed_unexpected=(), source=source)
        if len(own) < len(heads):
            notes.append(
                "the linear map on MiniLM's vectors begins anew; model.init_from takes it from a trained model"
            )
        return [*notes, f"the Q-Former is that which was exported to {source}"]
    if any(name.startswith("Qformer.") for name in state):
        return _load_lavis(qformer, vision, state, source)
    if "query_tokens" not in state and any(name.endswith("embeddings.word_embeddings.weight") for name in state):
        bert.load(qformer, source)
        return [f"the Q-Former starts from the BERT {source}; its queries, cross-attention and heads are new"]
    absent: tuple[str, ...] = ABSENT
    if f"{_OURS}reference" in state:
        state = {name.removeprefix(_OURS): value for name, value in state.items() if name.startswith(_OURS)}
        absent = ()
    else:
        state = from_transformers(state)
    state, notes = fit_queries(qformer, state)
    load_strict(qformer, state, allowed_missing=absent, allowed_unexpected=(), source=source)
    return notes


def _load_lavis(qformer: QFormer, vision: VisionEncoder | None, state: dict[str, Tensor], source: str) -> list[str]:
    """Load the first stage of BLIP-2, with what it holds of the vision encoder where that is of its kind."""
    stage1 = lavis.convert(state)
    fitted, notes = fit_queries(qformer, stage1.qformer)
    if vision is None or vision.config.kind != "blip2":
        load_strict(qformer, fitted, allowed_missing=("target",), allowed_unexpected=(), source=source)
        return notes
    # The encoder itself may be missing only where it has weights from elsewhere.
    elsewhere = vision.config.source is not None
    lavis.place(stage1._replace(qformer=fitted), vision, qformer, source, vision_elsewhere=elsewhere)
    whole = any(name.startswith("network.") for name in stage1.vision)
    return [*notes, f"the {'vision encoder' if whole else 'layer norm on image tokens'} is that of {source}"]


def fit_queries(qformer: QFormer, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Take the first queries of a file that has more than the model, or add new ones to those of one that has fewer."""
    fitted, notes = dict(state), list[str]()
    for name in _QUERIES:
        if name not in state or state[name].dim() != 2:
            continue
        have, want = len(state[name]), qformer.config.queries
        own = getattr(qformer, name).detach()
        if have > want:
            fitted[name] = state[name][:want]
            notes.append(f"{name} queries: the first {want} of {have}")
        elif have < want and state[name].shape[1] == own.shape[1]:
            fitted[name] = torch.cat([state[name].to(own), own[have:]])
            notes.append(f"{name} queries: {have} of the file and {want - have} new ones")
    return fitted, notes

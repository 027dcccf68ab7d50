"""The Q-Former: learned queries that read an image, and a text encoder and decoder that share their weights.

Architecture: Li et al., "BLIP-2" (ICML 2023, arXiv 2301.12597), section 3.1, here on the layers of transformers. BLIP-2
has one set of queries; UniFashion's equation 9 has two, q_R for the image that a query starts from and q_T for the one
that is searched. Every method names the set that it reads with, so that training and search cannot differ unnoticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from fashionbench.errors import BackendError
from fashionbench.records.base import Model
from fashionbench_unifashion.qformer import attention_masks

if TYPE_CHECKING:
    from collections.abc import Mapping

Queries: TypeAlias = Literal["reference", "target"]

#: Parts of ours that a ``Blip2ForImageTextRetrieval`` does not have; they keep their first values.
ABSENT = (r"lm_head\..+", "target", "temp")


class QFormerConfig(Model):
    """The size of a Q-Former; the defaults are the paper's (BERT-base with 32 queries)."""

    hidden: int = Field(default=768, ge=1)
    """The width of every position."""
    layers: int = Field(default=12, ge=1)
    """The number of transformer layers."""
    heads: int = Field(default=12, ge=1)
    """The attention heads; they divide ``hidden``."""
    ffn: int = Field(default=3072, ge=1)
    """The inner width of the feed-forward networks, of which queries and text have one each."""
    cross_attention_every: int = Field(default=2, ge=1)
    """Layers 0, n, 2n, ... let the queries look at the image."""
    vocabulary: int = Field(default=30523, ge=6)
    """The number of word pieces: BERT's 30,522 and ``[DEC]``."""
    pad: int = Field(default=0, ge=0)
    """The id of ``[PAD]``."""
    dec: int = Field(default=30522, ge=0)
    """The id of ``[DEC]``, which stands first in place of ``[CLS]`` when text is generated."""
    queries: int = Field(default=32, ge=1)
    """The number of queries in each of the two sets."""
    embed_dim: int = Field(default=256, ge=1)
    """The width of the space in which images and texts are compared."""
    max_length: int = Field(default=64, ge=2)
    """The longest text in word pieces, ``[CLS]`` and ``[SEP]`` included; a longer one is refused."""
    positions: int = Field(default=512, ge=2)
    """The number of learned positions of text, at least ``max_length``; BERT's weights have 512."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """The dropout of embeddings, attention and layers in training."""
    temperature: float = Field(default=0.07, gt=0)
    """The first value of the learned temperature, which divides similarities."""
    min_temperature: float = Field(default=0.01, gt=0)
    """The lowest temperature that divides similarities, as CLIP's largest scale of 100; BLIP-2 has no bound."""
    norm_eps: float = Field(default=1e-12, gt=0)
    """The constant under the root of the layer norms."""
    source: str | None = None
    """A folder, file or model id with weights: of a ``Blip2ForImageTextRetrieval``, of BLIP-2's first stage in LAVIS's
    layout, of a BERT, or of a model that was trained here; ``None`` starts at random. Of a file with more queries the
    first are taken, and to those of one with fewer new ones are added; both are said."""

    @model_validator(mode="after")
    def _consistent(self) -> QFormerConfig:
        rules = {
            f"heads ({self.heads}) must divide hidden ({self.hidden})": self.hidden % self.heads == 0,
            f"positions ({self.positions}) must reach max_length ({self.max_length})": self.positions
            >= self.max_length,
            f"pad ({self.pad}) and dec ({self.dec}) must be two ids below vocabulary ({self.vocabulary})": max(
                self.pad, self.dec
            )
            < self.vocabulary
            and self.pad != self.dec,
            f"temperature ({self.temperature}) must reach min_temperature ({self.min_temperature})": self.temperature
            >= self.min_temperature,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self


class Fused(NamedTuple):
    """An image read together with a text."""

    queries: Tensor
    """[B, Q, H], the queries after they saw image and text."""
    cls: Tensor
    """[B, H], the text's first position, e_cls of equation 9."""


class DecoderOutput(NamedTuple):
    """Output of the decoder mode: the states of the queries, and logits of the text."""

    queries: Tensor
    """[B, Q, H], the queries' states."""
    logits: Tensor
    """[B, L, V], of the next word piece at each position."""


class LanguageHead(nn.Module):
    """BERT's prediction head; its output matrix is that of the word embeddings."""

    def __init__(self, hidden: int, vocabulary: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden, eps=eps)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Score every word piece at positions [B, L, H], as logits [B, L, V]."""
        return functional.linear(self.norm(functional.gelu(self.dense(hidden))), words, self.bias)


class QFormer(nn.Module):
    """The Q-Former with its queries, projections, matching head and language head.

    Texts are right-padded word pieces that start with ``[CLS]``. First weights are drawn from torch's global generator;
    seed it before. May be built on the meta device.

    :param config: its size.
    :param image_width: the width W of the image tokens.
    """

    def __init__(self, config: QFormerConfig, image_width: int) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.reference = nn.Parameter(torch.empty(config.queries, hidden))
        self.target = nn.Parameter(torch.empty(config.queries, hidden))
        self.words = nn.Embedding(config.vocabulary, hidden, padding_idx=config.pad)
        self.positions = nn.Embedding(config.positions, hidden)
        self.transformer = Blip2QFormerModel(
            Blip2QFormerConfig(
                vocab_size=config.vocabulary,
                hidden_size=hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.ffn,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                layer_norm_eps=config.norm_eps,
                pad_token_id=config.pad,
                cross_attention_frequency=config.cross_attention_every,
                encoder_hidden_size=image_width,
                # Without this the text has no feed-forward network of its own.
                use_qformer_text_input=True,
            )
        )
        self.vision_proj = nn.Linear(hidden, config.embed_dim)
        self.text_proj = nn.Linear(hidden, config.embed_dim)
        self.itm_head = nn.Linear(hidden, 2)
        self.lm_head = LanguageHead(hidden, config.vocabulary, config.norm_eps)
        self.temp = nn.Parameter(torch.tensor(config.temperature))
        with torch.no_grad():
            for weight in (self.reference, self.target, self.words.weight, self.positions.weight):
                weight.normal_(std=0.02)
            self.lm_head.dense.weight.normal_(std=0.02)
            self.lm_head.dense.bias.zero_()
            self.words.weight[config.pad].zero_()

    @property
    def temperature(self) -> Tensor:
        """What divides similarities: the parameter ``temp``, or the configured bound where that is higher.

        The parameter itself is left alone, and its gradient passes as if there were no bound, so that a temperature
        that fell below finds its way back.
        """
        return self.temp + (self.temp.clamp(min=self.config.min_temperature) - self.temp).detach()

    def checkpoint(self, enabled: bool) -> None:  # noqa: FBT001
        """Keep or recompute the activations of layers in training: less memory, about a third more time."""
        verb = "enable" if enabled else "disable"
        # Later releases of transformers renamed the switch, and warn of the old name.
        old, new = (f"{kind}_checkpointing_{verb}" for kind in ("gradient", "activation"))
        getattr(self.transformer, new if hasattr(self.transformer, new) else old)()

    def image(self, tokens: Tensor, queries: Queries) -> Tensor:
        """Read an image with one set of queries.

        :param tokens: [B, N, W] of the vision encoder.
        :returns: the queries' states, [B, Q, H].
        """
        hidden = self._queries(queries, len(tokens))
        return self._run(hidden, attention_masks.image(self.config.queries, hidden), tokens)

    def image_features(self, tokens: Tensor, queries: Queries) -> Tensor:
        """Read an image, as [B, Q, E] of norm 1."""
        return self.projected(self.image(tokens, queries))

    def projected(self, states: Tensor) -> Tensor:
        """Bring the queries' states [B, Q, H] into the common space, as [B, Q, E] of norm 1."""
        return functional.normalize(self.vision_proj(states), dim=-1)

    def text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Read a text alone.

        :param ids: [B, L], right-padded.
        :param mask: [B, L], 1 at word pieces and 0 at padding.
        :returns: the state of ``[CLS]``, [B, H].
        :raises BackendError: on a text that is too long, empty or left-padded.
        """
        hidden = self._embed(ids, mask)
        return self._run(hidden, attention_masks.text(mask, hidden), None)[:, 0]

    def text_features(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Read a text alone, as [B, E] of norm 1."""
        return functional.normalize(self.text_proj(self.text(ids, mask)), dim=-1)

    def fused(self, tokens: Tensor, ids: Tensor, mask: Tensor, queries: Queries | Tensor = "reference") -> Fused:
        """Read an image together with a text (equation 9); see :meth:`match` for queries that are states."""
        hidden = torch.cat([self._queries(queries, len(tokens)), self._embed(ids, mask)], dim=1)
        count = self.config.queries
        out = self._run(hidden, attention_masks.fused(count, mask, hidden), tokens)
        return Fused(out[:, :count], out[:, count])

    def composed_features(self, tokens: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Compose a reference image and a modification, as e_cls in the common space, [B, E] of norm 1."""
        return functional.normalize(self.text_proj(self.fused(tokens, ids, mask).cls), dim=-1)

    def match(self, tokens: Tensor, ids: Tensor, mask: Tensor, queries: Queries | Tensor = "reference") -> Tensor:
        """Judge whether image and text belong together, as logits [B, 2] of no and yes, averaged over the queries.

        :param queries: a set of queries, or states [B, Q, H] in their place: those of a reference image with its
            modification text, to judge whether an image is what they look for.
        """
        logits: Tensor = self.itm_head(self.fused(tokens, ids, mask, queries).queries)
        return logits.mean(dim=1)

    def decode(self, tokens: Tensor, ids: Tensor, mask: Tensor, queries: Queries = "reference") -> Tensor:
        """Predict each next word piece of a text from the image and the pieces before.

        The first word piece is replaced by ``[DEC]``. The logits at position l are those of piece l + 1.

        :returns: logits [B, L, V].
        """
        return self.decode_with_queries(tokens, ids, mask, queries).logits

    def decode_with_queries(
        self, tokens: Tensor, ids: Tensor, mask: Tensor, queries: Queries = "reference"
    ) -> DecoderOutput:
        """Encode an image and predict a text of it in one pass, see :meth:`decode`.

        The queries do not see the text, so their states are those of :meth:`image`, but for dropout.
        """
        count = self.config.queries
        started = torch.cat([torch.full_like(ids[:, :1], self.config.dec), ids[:, 1:]], dim=1)
        hidden = torch.cat([self._queries(queries, len(tokens)), self._embed(started, mask)], dim=1)
        out = self._run(hidden, attention_masks.itg(count, mask, hidden), tokens)
        logits: Tensor = self.lm_head(out[:, count:], self.words.weight)
        return DecoderOutput(out[:, :count], logits)

    def _queries(self, queries: Queries | Tensor, batch: int) -> Tensor:
        if isinstance(queries, Tensor):
            return queries
        chosen = {"reference": self.reference, "target": self.target}[queries]
        return chosen.expand(batch, -1, -1)

    def _embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        length = ids.shape[1]
        if length > self.config.max_length:
            msg = f"a text of {length} word pieces is longer than the Q-Former's {self.config.max_length}"
            raise BackendError(
                msg, remedy="truncate when the text is cut into word pieces, or raise qformer.max_length"
            )
        if not ids.is_meta and not bool(mask[:, 0].all()):
            rows = (mask[:, 0] == 0).nonzero().flatten().tolist()
            raise BackendError(f"the texts {rows} are empty or padded on the left", remedy="pad on the right")
        places = torch.arange(length, device=ids.device)
        embedded: Tensor = self.words(ids) + self.positions(places)
        return embedded

    def _run(self, hidden: Tensor, mask: Tensor, tokens: Tensor | None) -> Tensor:
        # Unless given the number of queries, transformers takes every position for one and shows the text the image.
        out: Tensor = self.transformer(
            query_embeds=hidden,
            query_length=0 if tokens is None else self.config.queries,
            attention_mask=mask,
            encoder_hidden_states=tokens,
        ).last_hidden_state
        return out


#: Names of transformers, and ours.
RENAMED = {
    "query_tokens": "reference",
    "embeddings.word_embeddings.weight": "words.weight",
    "embeddings.position_embeddings.weight": "positions.weight",
    "vision_projection.weight": "vision_proj.weight",
    "vision_projection.bias": "vision_proj.bias",
    "text_projection.weight": "text_proj.weight",
    "text_projection.bias": "text_proj.bias",
}


def from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a ``Blip2ForImageTextRetrieval``, without its vision model, to those of :class:`QFormer`.

    A name that it does not know stays as it is, for the strict loading to refuse.
    """
    out = {}
    for name, value in state.items():
        renamed = RENAMED.get(name, name.replace("qformer.", "transformer.", 1))
        out[renamed] = value.squeeze(0) if name == "query_tokens" else value
    return out

"""The truth is a plain-torch reading of the checkpoint by LAVIS's own names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from fashionbench.errors import BackendError

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch import Tensor
from torch.nn import functional

from fashionbench_unifashion.qformer.qformer import QFormer, QFormerConfig
from fashionbench_unifashion.vision.encoder import VisionConfig, VisionEncoder
from fashionbench_unifashion.weights import lavis, qformer_source
from fashionbench_unifashion.weights.loading import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

W, H, V, Q, E, F, HEADS = 12, 16, 30, 4, 8, 20, 2
VISION = VisionConfig(width=W, layers=2, heads=HEADS, ffn=24, patch=4, image_size=8)
QFORMER = QFormerConfig(
    hidden=H, layers=3, heads=HEADS, ffn=F, vocabulary=V, dec=29, queries=Q, embed_dim=E, max_length=8, positions=10
)


def named(prefix: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": (rows, columns), f"{prefix}.bias": (rows,)}


def norm(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.weight": (width,), f"{prefix}.bias": (width,)}


def shapes() -> dict[str, tuple[int, ...]]:
    """Every name of a whole LAVIS checkpoint at this size, with its shape."""
    out: dict[str, tuple[int, ...]] = {
        "visual_encoder.cls_token": (1, 1, W),
        "visual_encoder.pos_embed": (1, 5, W),
        "visual_encoder.patch_embed.proj.weight": (W, 3, 4, 4),
        "visual_encoder.patch_embed.proj.bias": (W,),
        "query_tokens": (1, Q, H),
        "temp": (),
        "Qformer.bert.embeddings.word_embeddings.weight": (V, H),
        "Qformer.bert.embeddings.position_embeddings.weight": (10, H),
        "Qformer.cls.predictions.bias": (V,),
        **norm("ln_vision", W),
        **norm("Qformer.bert.embeddings.LayerNorm", H),
        **named("Qformer.cls.predictions.transform.dense", H, H),
        **norm("Qformer.cls.predictions.transform.LayerNorm", H),
        **named("vision_proj", E, H),
        **named("text_proj", E, H),
        **named("itm_head", 2, H),
    }
    for number in range(2):
        block = f"visual_encoder.blocks.{number}"
        out |= {
            **norm(f"{block}.norm1", W),
            **norm(f"{block}.norm2", W),
            f"{block}.attn.q_bias": (W,),
            f"{block}.attn.v_bias": (W,),
            f"{block}.attn.qkv.weight": (3 * W, W),
            **named(f"{block}.attn.proj", W, W),
            **named(f"{block}.mlp.fc1", 24, W),
            **named(f"{block}.mlp.fc2", W, 24),
        }
    for number in range(3):
        layer = f"Qformer.bert.encoder.layer.{number}"
        for kind, source in (("attention", H), *([("crossattention", W)] if number % 2 == 0 else [])):
            out |= {
                **named(f"{layer}.{kind}.self.query", H, H),
                **named(f"{layer}.{kind}.self.key", H, source),
                **named(f"{layer}.{kind}.self.value", H, source),
                **named(f"{layer}.{kind}.output.dense", H, H),
                **norm(f"{layer}.{kind}.output.LayerNorm", H),
            }
        for end in ("", "_query"):
            out |= {
                **named(f"{layer}.intermediate{end}.dense", F, H),
                **named(f"{layer}.output{end}.dense", H, F),
                **norm(f"{layer}.output{end}.LayerNorm", H),
            }
    return out


@pytest.fixture
def checkpoint() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=random) * 0.3 for name, shape in shapes().items()}
    state["temp"] = torch.tensor(0.05)
    state["Qformer.bert.embeddings.position_ids"] = torch.arange(10)[None]
    state["Qformer.cls.predictions.decoder.weight"] = state["Qformer.bert.embeddings.word_embeddings.weight"].clone()
    state["Qformer.cls.predictions.decoder.bias"] = state["Qformer.cls.predictions.bias"].clone()
    return state


def build() -> tuple[VisionEncoder, QFormer]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return VisionEncoder(VISION).eval(), QFormer(QFORMER, W).eval()


def save(state: dict[str, Tensor], path: Path) -> Path:
    torch.save({"model": state}, path)
    return path


class Reader:
    """LAVIS's networks as functions of its names."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, name: str, x: Tensor, eps: float) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"], eps)

    @staticmethod
    def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
        width = query.shape[-1] // HEADS
        out = []
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(width)
            if seen is not None:
                scores = scores.masked_fill(~seen, -math.inf)
            out.append(scores.softmax(-1) @ value[..., part])
        return torch.cat(out, -1)

    def vision(self, pixels: Tensor) -> Tensor:
        state = self.state
        weight, bias = (state[f"visual_encoder.patch_embed.proj.{kind}"] for kind in ("weight", "bias"))
        patches = functional.conv2d(pixels, weight, bias, stride=4).flatten(2).transpose(1, 2)
        x = torch.cat([state["visual_encoder.cls_token"].expand(len(pixels), 1, W), patches], 1)
        x = x + state["visual_encoder.pos_embed"]
        for number in range(2):
            block = f"visual_encoder.blocks.{number}"
            normed = self.norm(f"{block}.norm1", x, 1e-6)
            query, key, value = (normed @ state[f"{block}.attn.qkv.weight"].T).chunk(3, -1)
            query, value = query + state[f"{block}.attn.q_bias"], value + state[f"{block}.attn.v_bias"]
            x = x + self.linear(f"{block}.attn.proj", self.attend(query, key, value))
            inner = functional.gelu(self.linear(f"{block}.mlp.fc1", self.norm(f"{block}.norm2", x, 1e-6)))
            x = x + self.linear(f"{block}.mlp.fc2", inner)
        return self.norm("ln_vision", x, 1e-5)

    def bert(self, queries: Tensor | None, ids: Tensor | None, image: Tensor | None, seen: Tensor) -> Tensor:
        parts, count = [], 0
        if queries is not None:
            parts.append(queries)
            count = queries.shape[1]
        if ids is not None:
            words = self.state["Qformer.bert.embeddings.word_embeddings.weight"][ids]
            parts.append(words + self.state["Qformer.bert.embeddings.position_embeddings.weight"][: ids.shape[1]])
        x = self.norm("Qformer.bert.embeddings.LayerNorm", torch.cat(parts, 1), 1e-12)
        for number in range(3):
            layer = f"Qformer.bert.encoder.layer.{number}"
            x = self.attention(f"{layer}.attention", x, x, seen)
            read, text = x[:, :count], x[:, count:]
            if count and number % 2 == 0:
                read = self.attention(f"{layer}.crossattention", read, image, None)
            x = torch.cat([self.forward(layer, "_query", read), self.forward(layer, "", text)], 1)
        return x

    def attention(self, name: str, x: Tensor, source: Tensor, seen: Tensor | None) -> Tensor:
        parts = (
            self.linear(f"{name}.self.{kind}", x if kind == "query" else source) for kind in ("query", "key", "value")
        )
        out = self.linear(f"{name}.output.dense", self.attend(*parts, seen))
        return self.norm(f"{name}.output.LayerNorm", out + x, 1e-12)

    def forward(self, layer: str, end: str, x: Tensor) -> Tensor:
        inner = functional.gelu(self.linear(f"{layer}.intermediate{end}.dense", x))
        return self.norm(f"{layer}.output{end}.LayerNorm", self.linear(f"{layer}.output{end}.dense", inner) + x, 1e-12)

    def words(self, x: Tensor) -> Tensor:
        x = functional.gelu(self.linear("Qformer.cls.predictions.transform.dense", x))
        x = self.norm("Qformer.cls.predictions.transform.LayerNorm", x, 1e-12)
        return self.linear("Qformer.cls.predictions.decoder", x)


def close(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, atol=2e-5)


@pytest.mark.parametrize("reached", ["by the loader", "by a recipe"])
def test_a_checkpoint_gives_the_outputs_of_lavis(checkpoint: dict[str, Tensor], tmp_path: Path, reached: str) -> None:
    vision, qformer = build()
    target = qformer.target.detach().clone()
    if reached == "by the loader":
        lavis.load(save(checkpoint, tmp_path / "blip2.pth"), vision, qformer)
    else:
        # As the source of a recipe's Q-Former.
        notes = qformer_source.load(qformer, vision, str(save(checkpoint, tmp_path / "blip2.pth")))
        assert len(notes) == 1 and notes[0].startswith("the vision encoder is that of")
    reader, random = Reader(checkpoint), torch.Generator().manual_seed(2)
    pixels = torch.randn(2, 3, 8, 8, generator=random)
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    real = mask.bool()
    tokens = reader.vision(pixels)
    queries = checkpoint["query_tokens"].expand(2, Q, H)
    seen = torch.cat([torch.ones(2, Q, dtype=torch.bool), real], 1)[:, None].expand(2, Q + 4, Q + 4)
    causal = seen.clone()
    causal[:, :Q, Q:] = False
    causal[:, Q:, Q:] &= torch.ones(4, 4, dtype=torch.bool).tril()
    with torch.inference_mode():
        assert close(vision(pixels), tokens)
        image = reader.bert(queries, None, tokens, torch.ones(2, Q, Q, dtype=torch.bool))
        assert close(qformer.image(tokens, "reference"), image)
        projected = functional.normalize(reader.linear("vision_proj", image), dim=-1)
        assert close(qformer.image_features(tokens, "reference"), projected)
        text = reader.bert(None, ids, None, real[:, None].expand(2, 4, 4))[:, 0]
        assert close(qformer.text(ids, mask), text)
        assert close(qformer.text_features(ids, mask), functional.normalize(reader.linear("text_proj", text), dim=-1))
        fused = reader.bert(queries, ids, tokens, seen)
        assert close(qformer.fused(tokens, ids, mask).cls, fused[:, Q])
        assert close(qformer.match(tokens, ids, mask), reader.linear("itm_head", fused[:, :Q]).mean(1))
        started = torch.cat([torch.full((2, 1), 29), ids[:, 1:]], 1)
        logits = reader.words(reader.bert(queries, started, tokens, causal)[:, Q:])
        assert close(qformer.decode(tokens, ids, mask)[real], logits[real])
    assert qformer.temperature.item() == pytest.approx(0.05)
    assert torch.equal(qformer.target, target)


def test_every_weight_of_ours_comes_from_the_checkpoint(checkpoint: dict[str, Tensor]) -> None:
    vision, qformer = build()
    found = lavis.convert(checkpoint)
    assert found.vision.keys() == vision.state_dict().keys()
    assert found.qformer.keys() == qformer.state_dict().keys() - {"target"}


def test_the_second_query_set_of_unifashion_is_read_and_its_dead_layers_are_not(checkpoint, tmp_path: Path) -> None:
    checkpoint["prompt_tokens"] = torch.full((1, Q, H), 0.5)
    checkpoint["query_proj.weight"] = checkpoint["caption_proj.bias"] = torch.ones(3)
    vision, qformer = build()
    lavis.load(save(checkpoint, tmp_path / "x.pth"), vision, qformer)
    assert bool((qformer.target == 0.5).all())


def test_a_stray_name_is_refused_unless_ignored(checkpoint: dict[str, Tensor]) -> None:
    checkpoint["llm_proj.weight"] = torch.ones(3)
    with pytest.raises(BackendError, match=r"has llm_proj\.weight \(1 such names\)"):
        lavis.convert(checkpoint)
    assert lavis.convert(checkpoint, ignored=(r"llm_proj\..+",)).qformer


@pytest.mark.parametrize(
    "name",
    [
        "visual_encoder.blocks.1.mlp.fc3.weight",
        "visual_encoder.norm.weight",
        "Qformer.bert.pooler.dense.weight",
        "Qformer.cls.seq_relationship.weight",
        "vision_proj.scale",
        "temperature",
    ],
)
def test_names_near_the_known_ones_are_stray(checkpoint: dict[str, Tensor], name: str) -> None:
    checkpoint[name] = torch.ones(1)
    with pytest.raises(BackendError, match="no checkpoint of BLIP-2's first stage"):
        lavis.convert(checkpoint)


@pytest.mark.parametrize(
    "name", ["Qformer.bert.encoder.layer.2.output_query.dense.bias", "itm_head.weight", "temp", "ln_vision.bias"]
)
def test_a_lost_name_is_refused_and_nothing_of_that_part_is_loaded(checkpoint, tmp_path: Path, name: str) -> None:
    del checkpoint[name]
    vision, qformer = build()
    before = fingerprint(qformer.state_dict())
    with pytest.raises(BackendError, match="missing: "):
        lavis.load(save(checkpoint, tmp_path / "x.pth"), vision, qformer)
    assert fingerprint(qformer.state_dict()) == before


def test_a_checkpoint_without_the_frozen_encoder_needs_to_be_told(checkpoint, tmp_path: Path) -> None:
    kept = {name: value for name, value in checkpoint.items() if not name.startswith("visual_encoder.")}
    path = save(kept, tmp_path / "x.pth")
    vision, qformer = build()
    with pytest.raises(BackendError, match=r"missing: network\."):
        lavis.load(path, vision, qformer)
    # As the source of a recipe's Q-Former it would leave a frozen encoder with random weights.
    with pytest.raises(BackendError, match=r"missing: network\."):
        qformer_source.load(qformer, vision, str(path))
    before = fingerprint(vision.network.state_dict())
    lavis.load(path, vision, qformer, vision_elsewhere=True)
    assert fingerprint(vision.network.state_dict()) == before
    assert torch.equal(vision.ln_vision.weight, checkpoint["ln_vision.weight"])
    half = {name: value for name, value in checkpoint.items() if not name.startswith("visual_encoder.blocks.1")}
    with pytest.raises(BackendError, match=r"missing: network\.encoder\.layers\.1"):
        lavis.load(save(half, tmp_path / "half.pth"), vision, qformer, vision_elsewhere=True)


def test_one_bias_without_the_other_is_refused(checkpoint: dict[str, Tensor]) -> None:
    del checkpoint["visual_encoder.blocks.0.attn.v_bias"]
    with pytest.raises(BackendError, match=r"q_bias without visual_encoder\.blocks\.0\.attn\.v_bias"):
        lavis.convert(checkpoint)


def test_a_head_that_is_not_tied_is_refused(checkpoint: dict[str, Tensor]) -> None:
    checkpoint["Qformer.cls.predictions.decoder.weight"] += 1
    with pytest.raises(BackendError, match="is not a copy of Qformer.bert.embeddings.word_embeddings.weight"):
        lavis.convert(checkpoint)

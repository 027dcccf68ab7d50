from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from fashionbench.errors import BackendError

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch.nn import functional
from transformers import Blip2Config, Blip2ForImageTextRetrieval, Blip2QFormerConfig, Blip2VisionConfig

from fashionbench_unifashion.qformer.qformer import QFormer, QFormerConfig, from_transformers
from fashionbench_unifashion.weights import qformer_source

if TYPE_CHECKING:
    from pathlib import Path

NANO = QFormerConfig(
    hidden=16, layers=3, heads=2, ffn=24, vocabulary=40, dec=5, queries=4, embed_dim=8, max_length=9, positions=12
)
WIDTH = 10


def build(seed: int = 0, attention: str = "sdpa", **changes: object) -> QFormer:
    """A Q-Former whose weights are large enough that everything that is seen matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = QFormer(NANO.model_copy(update=changes), WIDTH)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.dim() > 1:
                    weight.normal_(std=0.4)
    model.transformer.set_attn_implementation(attention)
    return model.eval().double()


@pytest.fixture(params=["sdpa", "eager"])
def model(request: pytest.FixtureRequest) -> QFormer:
    return build(attention=request.param)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three images of five tokens, and texts of six, four and one word pieces."""
    random = torch.Generator().manual_seed(1)
    tokens = torch.randn(3, 5, WIDTH, generator=random, dtype=torch.float64)
    ids = torch.randint(6, 40, (3, 6), generator=random)
    ids[:, 0] = 2
    mask = torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]])
    return tokens, ids.masked_fill(mask == 0, 0), mask


def close(one: torch.Tensor, two: torch.Tensor) -> bool:
    return torch.allclose(one, two, rtol=0, atol=1e-9)


def differ(one: torch.Tensor, two: torch.Tensor) -> bool:
    return bool((one - two).abs().max() > 1e-3)


def test_outputs_have_the_shapes_that_the_specification_names(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    assert model.image(tokens, "reference").shape == (3, 4, 16)
    assert model.image_features(tokens, "target").shape == (3, 4, 8)
    assert model.text(ids, mask).shape == (3, 16)
    assert model.text_features(ids, mask).shape == (3, 8)
    fused = model.fused(tokens, ids, mask)
    assert fused.queries.shape == (3, 4, 16)
    assert fused.cls.shape == (3, 16)
    assert differ(fused.cls, fused.queries[:, 0])
    assert model.composed_features(tokens, ids, mask).shape == (3, 8)
    assert model.match(tokens, ids, mask).shape == (3, 2)
    assert model.decode(tokens, ids, mask).shape == (3, 6, 40)


def test_features_have_norm_one(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    for features in (
        model.image_features(tokens, "reference"),
        model.text_features(ids, mask),
        model.composed_features(tokens, ids, mask),
    ):
        assert close(features.norm(dim=-1), torch.ones(features.shape[:-1], dtype=torch.float64))


def test_the_two_query_sets_read_an_image_differently_and_each_other_learns_alone(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    assert differ(model.image(tokens, "reference"), model.image(tokens, "target"))
    model.image(tokens, "target").sum().backward()
    assert model.reference.grad is None
    assert model.target.grad is not None
    model.zero_grad()
    model.composed_features(tokens, ids, mask).square().sum().backward()
    assert model.target.grad is None
    assert model.reference.grad is not None


def test_a_later_word_changes_no_earlier_prediction_and_a_word_changes_the_next(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    before = model.decode(tokens, ids, mask)
    for place in range(1, 6):
        changed = ids.clone()
        changed[0, place] = (ids[0, place] + 7) % 34 + 6
        after = model.decode(tokens, changed, mask)
        assert close(after[0, :place], before[0, :place])
        assert differ(after[0, place], before[0, place])
        assert close(after[1:], before[1:])


def test_generation_starts_from_dec_whatever_the_first_word_piece_is(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    other = ids.clone()
    other[:, 0] = 9
    assert torch.equal(model.decode(tokens, other, mask), model.decode(tokens, ids, mask))
    started = ids.clone()
    started[:, 0] = NANO.dec
    assert torch.equal(model.decode(tokens, started, mask), model.decode(tokens, ids, mask))
    assert bool((ids[:, 0] == 2).all())


def test_queries_do_not_see_the_text_that_is_generated(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    seen = {}

    def keep(_module: object, _inputs: object, output: torch.Tensor) -> None:
        seen["queries"] = output[:, : NANO.queries].detach()

    handle = model.transformer.encoder.layer[-1].register_forward_hook(keep)
    model.decode(tokens, ids, mask)
    decoding = seen["queries"]
    handle.remove()
    assert close(decoding, model.image(tokens, "reference"))
    decoded = model.decode_with_queries(tokens, ids, mask)
    assert close(decoded.queries, decoding)
    assert torch.equal(decoded.logits, model.decode(tokens, ids, mask))
    assert differ(decoding, model.fused(tokens, ids, mask).queries)


def test_generation_sees_the_image(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    assert differ(model.decode(tokens, ids, mask)[:, 0], model.decode(-tokens, ids, mask)[:, 0])


def test_padding_changes_nothing(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    rubbish = torch.where(mask == 1, ids, torch.full_like(ids, 33))
    long = functional.pad(ids, (0, 3)), functional.pad(mask, (0, 3))
    for other, over in ((rubbish, mask), long):
        assert close(model.text(other, over), model.text(ids, mask))
        assert close(model.fused(tokens, other, over).queries, model.fused(tokens, ids, mask).queries)
        assert close(model.fused(tokens, other, over).cls, model.fused(tokens, ids, mask).cls)
        logits = model.decode(tokens, other, over)[:, :6]
        assert close(logits[mask == 1], model.decode(tokens, ids, mask)[mask == 1])


def test_a_row_does_not_depend_on_the_batch(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    alone = model.fused(tokens[1:2], ids[1:2, :4], mask[1:2, :4])
    assert close(alone.cls[0], model.fused(tokens, ids, mask).cls[1])
    assert close(model.text(ids[2:3, :1], mask[2:3, :1])[0], model.text(ids, mask)[2])


def test_words_fuse_with_image_and_order_matters(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    fused = model.fused(tokens, ids, mask)
    assert differ(model.fused(-tokens, ids, mask).cls, fused.cls)
    swapped = ids.clone()
    swapped[0, [1, 2]] = ids[0, [2, 1]]
    assert differ(model.fused(tokens, swapped, mask).queries[0], fused.queries[0])
    assert differ(model.text(swapped, mask)[0], model.text(ids, mask)[0])


def test_text_alone_never_reaches_the_cross_attention_nor_the_queries_networks(model: QFormer, batch) -> None:
    _, ids, mask = batch
    model.text(ids, mask).square().sum().backward()
    touched = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert not [name for name in touched if "crossattention" in name or "_query" in name]
    assert any("intermediate.dense" in name for name in touched)


def test_cross_attention_gets_the_queries_only(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    lengths = []
    for layer in model.transformer.encoder.layer:
        if layer.has_cross_attention:
            layer.crossattention.register_forward_pre_hook(
                lambda _module, _args, kwargs: lengths.append(kwargs["hidden_states"].shape[1]), with_kwargs=True
            )
    model.fused(tokens, ids, mask)
    model.decode(tokens, ids, mask)
    model.image(tokens, "target")
    # Layers 0 and 2 of three.
    assert lengths == [4] * 6


def test_matching_averages_the_head_over_the_queries(model: QFormer, batch) -> None:
    tokens, ids, mask = batch
    queries = model.fused(tokens, ids, mask, "target").queries
    by_hand = torch.stack([model.itm_head(queries[:, k]) for k in range(4)]).sum(dim=0) / 4
    assert close(model.match(tokens, ids, mask, "target"), by_hand)


def test_the_kernels_agree(batch) -> None:
    tokens, ids, mask = batch
    one, two = build(attention="sdpa"), build(attention="eager")
    assert close(one.decode(tokens, ids, mask), two.decode(tokens, ids, mask))
    assert close(one.match(tokens, ids, mask), two.match(tokens, ids, mask))


@pytest.mark.parametrize(
    ("parameter", "used"), [(0.07, 0.07), (0.5, 0.5), (0.01, 0.01), (0.009, 0.01), (0.0, 0.01), (-3.0, 0.01)]
)
def test_the_temperature_is_bounded_where_it_is_used_and_can_return(parameter: float, used: float) -> None:
    model = build()
    with torch.no_grad():
        model.temp.fill_(parameter)
    temperature = model.temperature
    assert temperature.item() == pytest.approx(used)
    assert model.temp.item() == pytest.approx(parameter)
    temperature.backward()
    assert model.temp.grad.item() == 1.0


def test_the_temperature_starts_where_the_configuration_says() -> None:
    assert QFormer(NANO, WIDTH).temperature.item() == pytest.approx(0.07)


def test_queries_and_words_start_small_and_the_heads_start_near_chance(batch) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = QFormer(NANO.model_copy(update={"hidden": 128, "vocabulary": 1000, "queries": 32}), WIDTH).eval()
    for weight in (model.reference, model.target, model.words.weight, model.positions.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not bool(model.words.weight[NANO.pad].any())
    logits = model.double().decode(*batch)
    loss = functional.cross_entropy(logits[0], batch[1][0])
    assert loss.item() == pytest.approx(math.log(1000), rel=0.05)


def test_words_are_tied_to_the_language_head(batch) -> None:
    model = build()
    assert not [name for name, _ in model.lm_head.named_parameters() if "decoder" in name]
    model.decode(*batch).sum().backward()
    # A word that is in no text still learns, as what was not said.
    unsaid = next(word for word in range(6, 40) if word not in batch[1])
    assert bool(model.words.weight.grad[unsaid].any())


def test_checkpointing_changes_memory_and_not_gradients(batch) -> None:
    gradients = []
    for enabled in (False, True):
        model = build(dropout=0.0).train()
        model.checkpoint(enabled)
        recomputed = []
        model.transformer.encoder.layer[0].attention.register_forward_hook(lambda *_, out=recomputed: out.append(1))
        (model.match(*batch).sum() + model.decode(*batch).square().mean()).backward()
        assert len(recomputed) == (4 if enabled else 2)
        gradients.append([weight.grad for weight in model.parameters() if weight.grad is not None])
    assert all(close(one, two) for one, two in zip(*gradients, strict=True))


def test_autocast_keeps_the_masks(batch) -> None:
    model = build().float()
    tokens, ids, mask = batch[0].float(), *batch[1:]
    changed = ids.clone()
    changed[0, 5] = 6
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.decode(tokens, changed, mask)[0, :5], model.decode(tokens, ids, mask)[0, :5])
        assert bool(torch.isfinite(model.match(tokens, ids, mask)).all())


def test_the_papers_size_is_built_without_memory() -> None:
    with torch.device("meta"):
        model = QFormer(QFormerConfig(), 1408)
        ids = torch.ones(2, 8, dtype=torch.long)
        assert model.decode(torch.zeros(2, 257, 1408), ids, ids).shape == (2, 8, 30523)
    assert all(weight.is_meta for weight in model.parameters())
    # By layer: self-attention 4 (h² + h) and two feed-forward networks of 2hf + f + h, each with a norm 2h; in six
    # layers cross-attention 2 (h² + h) + 2 (1408h + h) with a norm.
    h, f, v, e = 768, 3072, 30523, 256
    layer = 4 * (h * h + h) + 2 * h + 2 * (2 * h * f + f + h + 2 * h)
    cross = 2 * (h * h + h) + 2 * (1408 * h + h) + 2 * h
    embeddings = (v + 512 + 2 * 32) * h + 2 * h
    heads = 2 * (h * e + e) + 2 * h + 2 + (h * h + h + 2 * h + v) + 1
    assert sum(weight.numel() for weight in model.parameters()) == 12 * layer + 6 * cross + embeddings + heads


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([[0, 1, 1], [1, 1, 0], [1, 1, 1]], r"the texts \[0\] are empty or padded on the left"),
        ([[1, 1, 1], [1, 1, 0], [0, 0, 0]], r"the texts \[2\] are empty or padded on the left"),
    ],
)
def test_texts_without_a_first_word_piece_are_refused(mask: list[list[int]], message: str) -> None:
    with pytest.raises(BackendError, match=message):
        build().text(torch.ones(3, 3, dtype=torch.long), torch.tensor(mask))


def test_a_text_that_is_too_long_is_refused() -> None:
    ids = torch.ones(1, 10, dtype=torch.long)
    with pytest.raises(BackendError, match="10 word pieces is longer than the Q-Former's 9"):
        build().text(ids, ids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, r"heads \(3\) must divide hidden \(16\)"),
        ({"positions": 8}, r"positions \(8\) must reach max_length \(9\)"),
        ({"dec": 40}, "dec .* below vocabulary"),
        ({"temperature": 0.001}, "must reach min_temperature"),
        ({"width": 3}, "width"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        QFormerConfig(**{**NANO.model_dump(), **changes})


@pytest.fixture(scope="module")
def peer() -> Blip2ForImageTextRetrieval:
    config = Blip2Config(
        vision_config=Blip2VisionConfig(
            hidden_size=WIDTH,
            intermediate_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=8,
            patch_size=4,
            initializer_range=0.4,
        ).to_dict(),
        qformer_config=Blip2QFormerConfig(
            vocab_size=40,
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=24,
            max_position_embeddings=12,
            encoder_hidden_size=WIDTH,
            use_qformer_text_input=True,
            initializer_range=0.4,
        ).to_dict(),
        num_query_tokens=4,
        image_text_hidden_size=8,
        image_token_index=None,
        initializer_range=0.4,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = Blip2ForImageTextRetrieval(config).eval()
        torch.nn.init.normal_(model.query_tokens)
    return model


def test_weights_of_transformers_give_its_scores(peer: Blip2ForImageTextRetrieval, batch, tmp_path: Path) -> None:
    peer.save_pretrained(tmp_path)
    model = build(source=str(tmp_path))
    target = model.target.detach().clone()
    assert qformer_source.load(model, None, str(tmp_path)) == []
    assert torch.equal(model.target, target)
    _, ids, mask = batch
    pixels = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.inference_mode():
        tokens = peer.double().vision_model(pixels).last_hidden_state
        contrast = peer(pixels, ids, attention_mask=mask).logits_per_image
        matched = peer(pixels, ids, attention_mask=mask, use_image_text_matching_head=True).logits_per_image
        images, texts = model.image_features(tokens, "reference"), model.text_features(ids, mask)
        assert close(torch.einsum("iqe,te->itq", images, texts).amax(-1), contrast)
        assert close(model.match(tokens, ids, mask), matched)


def test_weights_with_a_stray_or_a_lost_name_are_refused(peer: Blip2ForImageTextRetrieval, tmp_path: Path) -> None:
    peer.save_pretrained(tmp_path)
    with pytest.raises(BackendError, match="does not fit QFormer; missing: .*layer.3.attention"):
        qformer_source.load(build(layers=4), None, str(tmp_path))
    with pytest.raises(BackendError, match="unexpected: transformer.encoder.layer.2"):
        qformer_source.load(build(layers=2), None, str(tmp_path))
    assert from_transformers({"adapter.weight": torch.zeros(1)}).keys() == {"adapter.weight"}


@pytest.mark.parametrize(("count", "said"), [(2, "the first 2 of 4"), (7, "4 of the file and 3 new ones")])
def test_another_number_of_queries_takes_the_first_or_adds_new_ones(
    peer, tmp_path: Path, count: int, said: str
) -> None:
    peer.save_pretrained(tmp_path)
    model = build(queries=count)
    own = model.reference.detach().clone()
    assert qformer_source.load(model, None, str(tmp_path)) == [f"reference queries: {said}"]
    shared = min(count, 4)
    torch.testing.assert_close(model.reference[:shared].float(), peer.query_tokens[0, :shared].float())
    assert torch.equal(model.reference[shared:], own[shared:])

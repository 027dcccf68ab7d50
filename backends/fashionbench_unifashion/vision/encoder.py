"""The vision encoder: pixels in, image tokens out.

The paper's is the EVA-CLIP ViT-g/14 of BLIP-2, frozen, under a layer norm that learns (Li et al., ICML 2023, section
3; Fang et al., "EVA", CVPR 2023). Smaller ones stand in for it where it is too large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, Blip2VisionConfig, Blip2VisionModel, ViTConfig, ViTModel

from fashionbench.errors import BackendError
from fashionbench.extractors import efficientnet
from fashionbench.records.base import Model
from fashionbench_unifashion.vision.efficientnet_tokens import EfficientNetTokens
from fashionbench_unifashion.vision.transform import CLIP_MEAN, CLIP_STD, ImageTransform
from fashionbench_unifashion.weights.loading import load_strict, locate, read, reading, unlisted

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Colours = tuple[float, float, float]

_SIZES = frozenset({"width", "layers", "heads", "ffn", "patch"})
#: The fields that a kind reads beside those that all kinds read; others must be left out.
_READ = {
    "blip2": _SIZES | {"source"},
    "vit": _SIZES,
    "transformers": frozenset({"architecture", "source", "ignored"}),
    "efficientnet-lite0": frozenset({"stages"}),
}
#: Nothing above the tokens is read, so that weights without a pooler are whole.
POOLER = (r"(.+\.)?pooler\..+",)


class VisionConfig(Model):
    """Which encoder, and what of it learns; the defaults are the paper's."""

    kind: Literal["blip2", "transformers", "vit", "efficientnet-lite0"] = "blip2"
    """``blip2``: the ViT of BLIP-2. ``transformers``: any vision model of that library. ``vit``: a ViT trained from the
    start. ``efficientnet-lite0``: EfficientNet-Lite0, whose weights a package carries."""
    image_size: int = Field(default=224, ge=1)
    """The side of the square images; that of the model's own configuration where it has one."""
    width: int = Field(default=1408, ge=1)
    """The width of a token (``blip2``, ``vit``)."""
    layers: int = Field(default=39, ge=1)
    """The number of layers (``blip2``, ``vit``)."""
    heads: int = Field(default=16, ge=1)
    """The attention heads; they divide ``width`` (``blip2``, ``vit``)."""
    ffn: int = Field(default=6144, ge=1)
    """The inner width of the feed-forward networks (``blip2``, ``vit``)."""
    patch: int = Field(default=14, ge=1)
    """The side of a patch; it divides ``image_size`` (``blip2``, ``vit``)."""
    architecture: dict[str, Any] | None = None
    """A configuration of transformers with its ``model_type`` (``transformers``); ``None`` takes that of ``source``."""
    source: str | None = None
    """A folder or model id: of a ``Blip2ForImageTextRetrieval`` (``blip2``), or of a model with a vision part
    (``transformers``); ``None`` starts at random."""
    ignored: tuple[str, ...] = ()
    """Regular expressions of names in ``source`` that are not of the vision part (``transformers``)."""
    stages: tuple[int, ...] = (3, 5, 7)
    """The stages whose feature maps make the tokens, from 1 to 7 (``efficientnet-lite0``); 7 is the last."""
    trainable: bool | None = None
    """Whether the encoder learns; ``None`` means that only a ``vit`` does."""
    train_norm: bool = True
    """Whether the layer norm on top learns; the paper freezes it in generative training."""
    norm_eps: float = Field(default=1e-5, gt=0)
    """The constant under the root of the layer norm on top."""
    pad_ratio: float = Field(default=1.25, ge=1)
    """Images at least this many times as long as wide are padded (:class:`ImageTransform`)."""
    mean: Colours | None = None
    """Taken off the pixels; ``None`` means that of the kind: CLIP's, or for ``efficientnet-lite0`` the checkpoint's."""
    std: Colours | None = None
    """Divides the pixels; ``None`` means that of the kind."""

    @model_validator(mode="after")
    def _consistent(self) -> VisionConfig:
        fields = type(self).model_fields
        others = frozenset().union(*_READ.values()) - _READ[self.kind]
        unread = {name for name in others if getattr(self, name) != fields[name].default}
        rules = {
            f"the kind {self.kind} does not read {sorted(unread)}": not unread,
            f"stages {list(self.stages)} must be some of 1 to 7": self.stages and {*self.stages} <= {*range(1, 8)},
            "transformers needs an architecture or a source": self.kind != "transformers"
            or bool(self.architecture or self.source),
        }
        if self.kind in {"blip2", "vit"}:
            rules[f"heads ({self.heads}) must divide width ({self.width})"] = self.width % self.heads == 0
            rules[f"patch ({self.patch}) must divide image_size ({self.image_size})"] = (
                self.image_size % self.patch == 0
            )
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @property
    def learns(self) -> bool:
        """Whether the encoder learns."""
        return self.kind == "vit" if self.trainable is None else self.trainable

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to load."""
        return self.kind == "efficientnet-lite0" or self.source is not None

    def transform(self) -> ImageTransform:
        """Make the transform whose pixels the encoder takes."""
        mean, std = CLIP_MEAN, CLIP_STD
        if self.kind == "efficientnet-lite0":
            mean, std = ((value / 255,) * 3 for value in (efficientnet.MEAN, efficientnet.STD))
        return ImageTransform(self.image_size, self.pad_ratio, self.mean or mean, self.std or std)


class VisionEncoder(nn.Module):
    """A vision encoder under a layer norm.

    An encoder that does not learn has no gradients and stays in evaluation mode whatever mode the model is in. First
    weights are drawn from torch's global generator. May be built on the meta device.

    :param config: which one.
    :raises BackendError: where the images are not of the size that the model is made for.
    """

    width: int
    """W, of a token."""
    tokens: int
    """N, of an image."""
    image_size: int
    """S, the side of an image."""
    trainable: bool
    """Whether the encoder under the layer norm learns."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.image_size = config.image_size
        self.trainable = config.learns
        self.network = _BUILDERS[config.kind](config)
        self.tokens, self.width = _shape(self.network, config)
        self.ln_vision = nn.LayerNorm(self.width, eps=config.norm_eps).requires_grad_(config.train_norm)
        self.network.requires_grad_(self.trainable)
        self.train()

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn images [B, 3, S, S] into tokens [B, N, W]."""
        return self.normalise(self.encode(pixels))

    def encode(self, pixels: Tensor) -> Tensor:
        """Turn images into tokens below the layer norm; of an encoder that does not learn they may be kept.

        :raises BackendError: where the images are of another size.
        """
        if pixels.shape[1:] != (3, self.image_size, self.image_size):
            msg = f"images of shape {list(pixels.shape[1:])} are not [3, {self.image_size}, {self.image_size}]"
            raise BackendError(msg, remedy="use the transform of the encoder's configuration")
        with torch.set_grad_enabled(self.trainable and torch.is_grad_enabled()):
            return _tokens(self.network, pixels)

    def normalise(self, tokens: Tensor) -> Tensor:
        """Put the layer norm on tokens; those of an encoder in half precision come back in the norm's own type."""
        normed: Tensor = self.ln_vision(tokens.to(self.ln_vision.weight.dtype))
        return normed

    def train(self, mode: bool = True) -> VisionEncoder:  # noqa: FBT001, FBT002
        """Enter training mode, except for an encoder that does not learn."""
        super().train(mode)
        if not self.trainable:
            self.network.eval()
        return self

    def load_source(self) -> None:
        """Take over the weights that the configuration names, or that of ``efficientnet-lite0`` its package carries.

        :raises BackendError: where there are none, or their names or shapes are not those of this encoder.
        """
        config = self.config
        if isinstance(self.network, EfficientNetTokens):
            self.network.load()
        elif config.source is None:
            raise BackendError("the vision encoder has no source of weights", remedy="set vision.source")
        elif config.kind == "blip2":
            state = from_transformers(read(config.source, only="vision_model."))
            load_strict(self, state, allowed_missing=(), allowed_unexpected=(), source=config.source)
        else:
            _load_any(self.network, config)
        self.network.requires_grad_(self.trainable)
        self.train(self.training)


def from_transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a ``Blip2VisionModel`` to those of :class:`VisionEncoder`.

    Its last norm is ours on top.
    """
    return {
        name.replace("post_layernorm", "ln_vision") if name.startswith("post_layernorm.") else f"network.{name}": value
        for name, value in state.items()
    }


def _blip2(config: VisionConfig) -> nn.Module:
    network: nn.Module = Blip2VisionModel(
        Blip2VisionConfig(
            hidden_size=config.width,
            intermediate_size=config.ffn,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            image_size=config.image_size,
            patch_size=config.patch,
            # transformers' own 1e-10 is meant for weights that are loaded afterwards.
            initializer_range=0.02,
        )
    )
    network.register_module("post_layernorm", nn.Identity())
    return network


def _vit(config: VisionConfig) -> nn.Module:
    network: nn.Module = ViTModel(
        ViTConfig(
            hidden_size=config.width,
            intermediate_size=config.ffn,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            image_size=config.image_size,
            patch_size=config.patch,
        ),
        add_pooling_layer=False,
    )
    network.register_module("layernorm", nn.Identity())
    return network


def _any(config: VisionConfig) -> nn.Module:
    auto: Any = AutoModel
    network: nn.Module = auto.from_config(architecture(config))
    return network


def _efficientnet(config: VisionConfig) -> nn.Module:
    return EfficientNetTokens(config.stages, config.image_size)


_BUILDERS = {"blip2": _blip2, "vit": _vit, "transformers": _any, "efficientnet-lite0": _efficientnet}


def architecture(config: VisionConfig) -> PreTrainedConfig:
    """Return the configuration of a vision model of transformers, as its own fields or its source say.

    :raises BackendError: where there is none, or it is made for images of another size.
    """
    if config.architecture is not None:
        if "model_type" not in config.architecture:
            raise BackendError("the architecture has no model_type", remedy="add it, such as model_type: vit")
        whole = AutoConfig.for_model(**config.architecture)
    else:
        place = locate(str(config.source))
        with reading(place):
            whole = AutoConfig.from_pretrained(place)
    # A model of images and texts, such as CLIP, describes its two parts apart.
    part: PreTrainedConfig = getattr(whole, "vision_config", whole)
    size = getattr(part, "image_size", config.image_size)
    if size != config.image_size:
        msg = f"{part.model_type} is made for images of {size}, not of {config.image_size}"
        raise BackendError(msg, remedy=f"set vision.image_size to {size}")
    return part


def _load_any(network: nn.Module, config: VisionConfig) -> None:
    source = locate(str(config.source))
    kind: Any = type(network)
    with reading(source):
        loaded, report = kind.from_pretrained(
            source, config=architecture(config), dtype=torch.float32, output_loading_info=True
        )
    missing = unlisted(report["missing_keys"], POOLER)
    unexpected = unlisted(report["unexpected_keys"], config.ignored)
    if missing or unexpected or report["mismatched_keys"]:
        msg = f"{source} does not fit {kind.__name__}: missing {missing[:10]}, unexpected {unexpected[:10]}"
        raise BackendError(msg, remedy="name the parts that are not of the vision model in vision.ignored")
    load_strict(network, loaded.state_dict(), allowed_missing=(), allowed_unexpected=(), source=str(source))


def _tokens(network: nn.Module, pixels: Tensor) -> Tensor:
    if isinstance(network, EfficientNetTokens):
        return network(pixels)  # type: ignore[no-any-return]
    states: Tensor = network(pixel_values=pixels).last_hidden_state
    # Convolutional models give maps [B, W, H, W].
    return states.flatten(2).transpose(1, 2) if states.dim() == 4 else states


def _shape(network: nn.Module, config: VisionConfig) -> tuple[int, int]:
    """Tell number and width of the tokens of an image."""
    if isinstance(network, EfficientNetTokens):
        return network.tokens, network.width
    if config.kind in {"blip2", "vit"}:
        return (config.image_size // config.patch) ** 2 + 1, config.width
    with torch.device("meta"):
        # Without memory and computation.
        shape = _tokens(_any(config).eval(), torch.zeros(1, 3, config.image_size, config.image_size)).shape
    return shape[1], shape[2]

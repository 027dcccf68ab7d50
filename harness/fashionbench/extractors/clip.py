"""CLIP ViT-B/32 (Radford et al., ICML 2021) by transformers: images and texts in one space of 512 dimensions.

Weights are a folder in the layout of transformers, or the id of a repository that lies in the cache of
huggingface_hub; ``FASHIONBENCH_CLIP`` says which, and without it ``openai/clip-vit-base-patch32`` is looked for in that
cache. Nothing is downloaded. The preprocessing is the folder's own by PIL (the backend of torchvision gives other
pixels). Texts are taken as they are, without a prefix; what is beyond the network's 77 tokens is cut off and counted,
and the token that ends a text is kept, for the feature is read there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.errors import MetricError
from fashionbench.extractors.base import TextFeatures
from fashionbench.extractors.model_folder import ModelFolder
from fashionbench.extractors.weights import UNRECOGNISED, published_name
from fashionbench.files import sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VARIABLE = "FASHIONBENCH_CLIP"
PLACE = ModelFolder("CLIP", VARIABLE, "openai/clip-vit-base-patch32")
REMEDY = PLACE.remedy
#: What tells ViT-B/32 from the other networks of its family.
PATCH, DIMENSIONS = 32, 512
_SETTINGS = ("config.json", "preprocessor_config.json")
_TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


class Clip:
    """CLIP ViT-B/32.

    :raises MetricError: where the weights are not there, are incomplete, or are of another network.
    """

    id = "clip-vit-base-patch32"

    def __init__(self, device: str) -> None:
        folder = weights_folder()
        weights = PLACE.weights(folder)
        self._device = device
        self.sha256 = {path.name: sha256(path) for path in weights}
        small = [folder / name for name in (*_SETTINGS, *_TOKENIZER) if (folder / name).is_file()]
        self._settings = {path.name: sha256(path) for path in small}
        safe = weights[0].suffix == ".safetensors"
        self._model, self._processor, self._tokenizer = _load(folder, safe=safe)
        self._model.to(device)
        self.limit = int(self._model.config.text_config.max_position_embeddings)

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, the settings and the tokenizer."""
        return digest([self.sha256, self._settings, "PIL, no prefix, the last token is kept"])

    @property
    def published(self) -> str:
        """The name that the weights were published under, or ``unrecognised``."""
        return published_name(next(iter(self.sha256.values()))) if len(self.sha256) == 1 else UNRECOGNISED

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB images [H, W, 3] into projected features [N, 512], not normalised."""
        import torch  # noqa: PLC0415

        decoded = [Image.fromarray(image) for image in images]
        pixels = self._processor(images=decoded, return_tensors="pt")["pixel_values"].to(self._device)
        with torch.inference_mode():
            return _numbers(self._model.get_image_features(pixel_values=pixels))

    def text_features(self, texts: Sequence[str]) -> TextFeatures:
        """Turn texts into projected features [N, 512], not normalised."""
        import torch  # noqa: PLC0415

        rows, cut = [], []
        for text in texts:
            whole = self._tokenizer(text, verbose=False)["input_ids"]
            kept = self._tokenizer(text, truncation=True, max_length=self.limit)["input_ids"]
            cut.append(len(whole) - len(kept))
            with torch.inference_mode():
                ids = torch.tensor([kept], device=self._device)
                rows.append(_numbers(self._model.get_text_features(input_ids=ids)))
        return TextFeatures(np.concatenate(rows), np.asarray(cut, dtype=np.int64))


def weights_folder() -> Path:
    """Find the folder of the weights.

    :raises MetricError: where it is nowhere, or files are lacking in it.
    """
    folder = PLACE.find()
    lacking = [name for name in _SETTINGS if not (folder / name).is_file()]
    # Without its files transformers makes a tokenizer that knows no words, and says nothing.
    if not (folder / "tokenizer.json").is_file() and not all((folder / n).is_file() for n in _TOKENIZER[1:3]):
        lacking.append("tokenizer.json, or vocab.json and merges.txt")
    if lacking:
        raise MetricError(f"the CLIP folder {folder} has no {' and no '.join(lacking)}", remedy=REMEDY)
    return folder


def _load(folder: Path, *, safe: bool) -> tuple[Any, Any, Any]:
    """Build model, image processor and tokenizer, and check that they belong together."""
    try:
        from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer  # noqa: PLC0415
    except ImportError as error:
        raise PLACE.lacking(error) from error
    model, info = PLACE.load(CLIPModel, folder, safe=safe)
    with PLACE.reading(folder):
        processor: Any = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
        tokenizer: Any = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    lost = {kind: sorted(map(str, info[kind])) for kind in ("missing_keys", "mismatched_keys")}
    # Old checkpoints hold the numbers of positions, which are no weights.
    lost["unexpected_keys"] = sorted(k for k in info["unexpected_keys"] if not k.endswith("position_ids"))
    if any(lost.values()):
        said = "; ".join(f"{kind.replace('_', ' ')} {', '.join(names[:3])}" for kind, names in lost.items() if names)
        raise MetricError(f"the weights in {folder} are not those of its configuration: {said}", remedy=REMEDY)
    _check(model.config, processor, tokenizer, folder)
    return model.eval(), processor, tokenizer


def _check(config: Any, processor: Any, tokenizer: Any, folder: Path) -> None:
    text, vision = config.text_config, config.vision_config
    if (vision.patch_size, config.projection_dim) != (PATCH, DIMENSIONS):
        found = f"patches of {vision.patch_size} and {config.projection_dim} dimensions"
        raise MetricError(f"{folder} is no {Clip.id}: it has {found}, not {PATCH} and {DIMENSIONS}", remedy=REMEDY)
    crop = (processor.crop_size["height"], processor.crop_size["width"])
    if crop != (vision.image_size, vision.image_size):
        raise MetricError(f"{folder} crops images to {crop}, and its network takes {vision.image_size}", remedy=REMEDY)
    # The feature is read at the end token, or at the largest token where an old configuration says 2.
    ends = len(tokenizer) - 1 if text.eos_token_id == 2 else text.eos_token_id
    if tokenizer.eos_token_id != ends or len(tokenizer) > text.vocab_size:
        msg = f"the tokenizer in {folder} ends texts with {tokenizer.eos_token_id}, and its network reads at {ends}"
        raise MetricError(msg, remedy=REMEDY)


def _numbers(output: Any) -> NDArray[np.float32]:
    """Return projected features; transformers 5 returns them as the pooled output, and 4 as they are."""
    found: NDArray[np.float32] = getattr(output, "pooler_output", output).float().cpu().numpy()
    return found

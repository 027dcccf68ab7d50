"""UniFashion model: multimodal encoder, two generators, and the folder that it is saved to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer

from fashionbench import files
from fashionbench.errors import BackendError, DataError
from fashionbench.files import regular_text
from fashionbench.json_reader import loads
from fashionbench_unifashion.diffusion.denoiser import Denoiser
from fashionbench_unifashion.language.model import LanguageModel
from fashionbench_unifashion.model.config import UniFashionConfig, validated
from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer
from fashionbench_unifashion.qformer.adapters import Adapter
from fashionbench_unifashion.qformer.qformer import QFormer
from fashionbench_unifashion.qformer.sentence_encoder import SentenceEncoder
from fashionbench_unifashion.vision.encoder import VisionEncoder
from fashionbench_unifashion.weights import qformer_source
from fashionbench_unifashion.weights.loading import fingerprint, load_strict, reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image
    from transformers import PreTrainedTokenizerFast

    from fashionbench_unifashion.qformer.qformer import Queries
    from fashionbench_unifashion.qformer.tokenizer import Texts, WordPieces

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
PIECES, LANGUAGE_TOKENIZER = "wordpieces", "language_tokenizer"


class UniFashion(nn.Module):
    """UniFashion (arXiv 2408.11305, section 3): vision encoder, Q-Former, adapters, language model, diffusion model.

    May be built on the meta device, without tokenizers.

    :param pieces: the tokenizer of the Q-Former; its size and special ids win over the configuration's.
    :param language_tokenizer: the tokenizer of a language model that is trained from the start.
    """

    def __init__(
        self,
        config: UniFashionConfig,
        pieces: WordPieces | None = None,
        language_tokenizer: PreTrainedTokenizerFast | None = None,
    ) -> None:
        super().__init__()
        if pieces is not None:
            ids = {"vocabulary": pieces.vocabulary, "pad": pieces.pad, "dec": pieces.dec}
            config = config.model_copy(update={"qformer": config.qformer.model_copy(update=ids)})
        self.config = config
        self._pieces = pieces
        self.language_tokenizer = language_tokenizer
        self.transform = config.vision.transform()
        self.vision = VisionEncoder(config.vision)
        self.qformer = QFormer(config.qformer, self.vision.width)
        compares = config.text_features == "minilm"
        self.sentence_encoder = SentenceEncoder(config.qformer.embed_dim) if compares else None
        hidden = config.qformer.hidden
        normalised = config.qformer.queries if config.normalise_states else None
        self.language: LanguageModel | None = None
        self.language_adapter: Adapter | None = None
        self.diffusion: Denoiser | None = None
        self.diffusion_adapter: Adapter | None = None
        if config.language is not None:
            self.language = LanguageModel(config.language, language_tokenizer)
            self.language_adapter = Adapter(hidden, self.language.width, config.language_adapter, normalised=normalised)
        if config.diffusion is not None:
            self.diffusion = Denoiser(config.diffusion)
            self.diffusion_adapter = Adapter(
                hidden, self.diffusion.context_width, config.diffusion_adapter, normalised=normalised
            )

    @property
    def pieces(self) -> WordPieces:
        """The tokenizer of the Q-Former.

        :raises BackendError: where the model was built without one.
        """
        if self._pieces is None:
            raise BackendError("this model was built without a tokenizer", remedy="load it from a folder")
        return self._pieces

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.qformer.reference.device

    def load_sources(self) -> list[str]:
        """Take over the pretrained weights that the configuration names for vision encoder and Q-Former.

        The two generators load theirs when they are built.

        :returns: what a reader must know of what was loaded.
        """
        if self.config.vision.pretrained:
            self.vision.load_source()
        notes = [] if self.diffusion is None else list(self.diffusion.notes)
        if self.config.qformer.source is not None:
            notes += qformer_source.load(self.qformer, self.vision, self.config.qformer.source)
        return notes

    def recompute(self) -> None:
        """Recompute activations in training instead of keeping them: less memory, about a third more time.

        This is done in the Q-Former's layers, in those of the language model where it learns, and in the encoder of the
        diffusion model.
        """
        self.qformer.checkpoint(enabled=True)
        if self.language is not None:
            self.language.checkpoint(enabled=True)
        if self.diffusion is not None:
            self.diffusion.unet.enable_gradient_checkpointing()

    def tokens(self, images: Sequence[Image]) -> Tensor:
        """Encode images as image tokens [B, N, W]."""
        tokens: Tensor = self.vision(self.transform.batch(images).to(self.device))
        return tokens

    def texts(self, texts: Sequence[str]) -> Texts:
        """Cut texts into word pieces on the model's device."""
        cut = self.pieces(texts)
        return cut._replace(ids=cut.ids.to(self.device), mask=cut.mask.to(self.device))

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Encode texts for the comparison with images, as [B, E] of norm 1."""
        if self.sentence_encoder is not None:
            features: Tensor = self.sentence_encoder(texts)
            return features
        cut = self.texts(texts)
        return self.qformer.text_features(cut.ids, cut.mask)

    def soft_prompt(self, tokens: Tensor, queries: Queries = "reference") -> Tensor:
        """Read an image for the language model: adapted queries [B, Q, W]."""
        return self.prompt_of(self.qformer.image(tokens, queries))

    def prompt_of(self, states: Tensor) -> Tensor:
        """Adapt the Q-Former's states [B, Q, H] to the language model.

        :raises BackendError: where there is none.
        """
        if self.language_adapter is None:
            raise BackendError("this model has no language model", remedy="train one with model.language")
        adapted: Tensor = self.language_adapter(states)
        return adapted

    def condition_of(self, states: Tensor) -> Tensor:
        """Adapt the Q-Former's states [B, Q, H] to the diffusion model.

        :raises BackendError: where there is none.
        """
        if self.diffusion_adapter is None:
            raise BackendError("this model has no diffusion model", remedy="train one with model.diffusion")
        adapted: Tensor = self.diffusion_adapter(states)
        return adapted

    def parts(self) -> dict[str, nn.Module]:
        """Return the parts by name, in the order of the data."""
        by_name: dict[str, nn.Module | None] = {
            "vision": self.vision.network,
            "ln_vision": self.vision.ln_vision,
            "qformer": self.qformer,
            "sentence_encoder": self.sentence_encoder,
            "language_adapter": self.language_adapter,
            "language": self.language,
            "diffusion_adapter": self.diffusion_adapter,
            "diffusion": self.diffusion,
        }
        return {name: part for name, part in by_name.items() if part is not None}

    def fingerprint(self) -> str:
        """Hash all weights."""
        return fingerprint(dict(self.state_dict()))

    def save(self, folder: Path, card: str = "") -> None:
        """Write the model into a folder: configuration, weights, tokenizers and a model card.

        The configuration is written last, so that a folder with one is whole.
        """
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        files.write(folder / WEIGHTS, lambda path: save_file(_untied(state), path))
        self.pieces.save(folder / PIECES)
        tokenizer = self.language.tokenizer if self.language is not None else None
        if tokenizer is not None:
            tokenizer.save_pretrained(folder / LANGUAGE_TOKENIZER)
        files.write_text(folder / CARD, card or f"# {self.config.name}\n")
        files.write_text(folder / CONFIG, json.dumps(self._described(), indent=2) + "\n")

    def _described(self) -> dict[str, Any]:
        """Return the configuration with architectures for sources, whose weights the folder holds itself."""
        fields = self.config.model_dump(mode="json")
        fields["qformer"]["source"] = None
        fields["vision"]["source"] = None
        if fields["vision"]["kind"] == "transformers":
            network: Any = self.vision.network
            fields["vision"]["architecture"] = network.config.to_dict()
        if self.language is not None and self.language.config.source is not None:
            described = {"source": None, "architecture": self.language.architecture(), "quantization": None}
            fields["language"] |= described
        if self.diffusion is not None:
            networks = {"unet": self.diffusion.unet, "vae": self.diffusion.vae.network}
            for name, part in networks.items():
                if fields["diffusion"][name]["source"] is not None:
                    kept = {key: value for key, value in dict(part.config).items() if not key.startswith("_")}
                    fields["diffusion"][name] = {"architecture": kept}
        return fields


def load(folder: Path, device: str = "cpu") -> UniFashion:
    """Load a model from the folder that :meth:`UniFashion.save` wrote.

    :raises DataError: where the folder is not one.
    :raises BackendError: where a weight is missing, left over or of another shape.
    """
    try:
        fields: dict[str, Any] = loads(regular_text(folder / CONFIG))
    except (OSError, ValueError) as error:
        remedy = "give the folder that 'fashionbench train' wrote at its end"
        raise DataError(f"{folder} holds no UniFashion model: {error}", remedy=remedy) from error
    if not isinstance(fields, dict) or "qformer" not in fields:
        kind = fields.get("model_type", "another kind") if isinstance(fields, dict) else "another kind"
        msg = f"{folder} holds no UniFashion model: its {CONFIG} is of a model of {kind}"
        raise DataError(msg, remedy="give the folder that 'fashionbench train' wrote at its end")
    config = validated(fields, str(folder / CONFIG))
    pieces = qformer_tokenizer.load(
        folder / PIECES, max_words=config.texts.max_words, max_length=config.texts.max_length
    )
    language_tokenizer = load_language_tokenizer(folder) if (folder / LANGUAGE_TOKENIZER).is_dir() else None
    with torch.random.fork_rng(devices=[]):
        model = UniFashion(config, pieces, language_tokenizer)
    with reading(folder / WEIGHTS):
        state = load_file(folder / WEIGHTS)
    load_strict(model, _tied(model, state), allowed_missing=(), allowed_unexpected=(), source=str(folder))
    return model.to(device).eval()


def load_language_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the tokenizer of a model's language model."""
    auto: Any = AutoTokenizer
    with reading(folder / LANGUAGE_TOKENIZER):
        tokenizer: PreTrainedTokenizerFast = auto.from_pretrained(folder / LANGUAGE_TOKENIZER)
    return tokenizer


def _untied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Leave one name of weights that share memory; safetensors stores no sharing."""
    first_names: dict[int, str] = {}
    untied: dict[str, Tensor] = {}
    for name, value in state.items():
        place = value.data_ptr() if value.numel() else -1
        if place >= 0 and place in first_names and untied[first_names[place]].shape == value.shape:
            continue
        first_names.setdefault(place, name)
        untied[name] = value
    return untied


def _tied(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give back the names that :func:`_untied` left out."""
    places: dict[int, list[str]] = {}
    for name, value in model.state_dict().items():
        places.setdefault(value.data_ptr(), []).append(name)
    tied = dict(state)
    for names in places.values():
        known = [name for name in names if name in state]
        for name in names:
            if known and name not in tied:
                tied[name] = state[known[0]]
    return tied

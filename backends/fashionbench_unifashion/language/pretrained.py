"""Pretrained causal language models from a folder or the hub, with the adapter of peft that the folder may hold."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
)

from fashionbench.errors import BackendError
from fashionbench.files import expanded, regular_text
from fashionbench.json_reader import loads
from fashionbench_unifashion.language.quantization import settings
from fashionbench_unifashion.weights.loading import ADAPTER, is_adapter, locate, reading, require_finite

if TYPE_CHECKING:
    from fashionbench_unifashion.language.quantization import Bits

#: What a tokenizer of any language model gives back to the letter, or in small letters.
_PLAIN = "a red dress with long sleeves"


def load_pretrained(source: str, dtype: torch.dtype, quantization: Bits | None = None) -> tuple[Any, Any]:
    """Load a model and its tokenizer; an adapter is merged into its base model, so that one plain model comes out.

    :param quantization: keep the weights of linear layers, but for the last one, in so many bits.
    :raises BackendError: where either cannot be read, the weights do not fit or are not finite, the adapter is of a
        kind that cannot be merged, or this machine cannot keep weights in a few bits.
    """
    # Before anything is read, or downloaded.
    few = None if quantization is None else settings(quantization, dtype)
    place = locate(source, adapter=True)
    base = base_of(place) if is_adapter(place) else place
    if few is not None and base != place:
        msg = f"{source} is an adapter, which cannot be merged into a model in {quantization}"
        raise BackendError(msg, remedy="merge it into its base model, and name the folder of the result")
    network = _network(base, dtype, few)
    if base != place:
        network = _merged(network, place)
    require_finite(dict(network.state_dict()), source)
    return network, _tokenizer(place, base)


def loader_of(config: Any) -> Any:
    """Choose the class of transformers that loads a model: causal, encoder-decoder, or of images and text."""
    if getattr(config, "is_encoder_decoder", False):
        return AutoModelForSeq2SeqLM
    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForImageTextToText
    return AutoModelForCausalLM


def _network(place: Path, dtype: torch.dtype, few: Any = None) -> Any:
    """Load the weights: of a causal language model, of an encoder-decoder, or of a model of images and text its tower.

    Of a model such as LLaVA-1.5, which the paper starts from, projector and vision tower are left out: the Q-Former is
    in their place.

    :param few: of :func:`~fashionbench_unifashion.language.quantization.settings`.
    """
    with reading(place):
        config = AutoConfig.from_pretrained(place)
        loader = loader_of(config)
        if few is not None and loader is AutoModelForImageTextToText:
            msg = f"the language tower of {place} cannot be taken out in a few bits"
            raise BackendError(msg, remedy="save the language model alone, and name its folder")
        network, report = loader.from_pretrained(
            place,
            dtype=dtype,
            output_loading_info=True,
            use_safetensors=None,
            **({} if few is None else {"quantization_config": few}),
        )
    wrong = {name: keys for name, keys in report.items() if keys}
    if wrong:
        raise BackendError(f"the weights of {place} do not fit: {str(wrong)[:200]}", remedy="fetch them again")
    return _language_tower(network) if loader is AutoModelForImageTextToText else network


def _language_tower(network: Any) -> Any:
    """Make a causal language model of the decoder and the output layer of a model of images and text."""
    auto: Any = AutoModelForCausalLM
    with torch.device("meta"):
        tower = auto.from_config(network.config.get_text_config(), dtype=network.dtype)
    setattr(tower, tower.base_model_prefix, network.get_decoder())
    tower.set_output_embeddings(network.get_output_embeddings())
    empty = sorted(name for name, value in tower.named_parameters() if value.is_meta)
    if empty:
        msg = (
            f"the language tower of {type(network).__name__} cannot be taken out: {', '.join(empty[:3])} would be empty"
        )
        raise BackendError(msg, remedy="save the language model alone, and name its folder")
    tower.generation_config = network.generation_config
    return tower


def base_of(adapter: Path) -> Path:
    """Find the base model that an adapter names: as it says, or beside the adapter.

    :raises BackendError: where it names none, or none that is there.
    """
    with reading(adapter / ADAPTER):
        named = loads(regular_text(adapter / ADAPTER)).get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise BackendError(f"{adapter / ADAPTER} names no base model", remedy="set base_model_name_or_path")
    beside = [adapter / named, adapter.parent / Path(named).name]
    here = next((path for path in beside if not expanded(named).exists() and path.is_dir()), None)
    try:
        return locate(here or named)
    except BackendError as error:
        msg = f"the adapter {adapter} is of the base model {named}: {error.message}"
        raise BackendError(msg, remedy="put the base model there, or set base_model_name_or_path") from error


def _merged(network: Any, adapter: Path) -> Any:
    from peft import PeftModel  # noqa: PLC0415

    with reading(adapter), warnings.catch_warnings():
        # peft asks transformers by a name that it has deprecated; nobody who trains can mend that.
        warnings.simplefilter("ignore", FutureWarning)
        adapted = PeftModel.from_pretrained(network, adapter)
    if not hasattr(adapted, "merge_and_unload"):
        kinds = ", ".join(str(config.peft_type) for config in adapted.peft_config.values())
        msg = f"the adapter {adapter} is of the kind {kinds}, which cannot be merged into its base model"
        raise BackendError(msg, remedy="name the base model, or an adapter such as LoRA")
    with reading(adapter):
        return adapted.merge_and_unload(safe_merge=True)


def _tokenizer(place: Path, base: Path) -> Any:
    """Load the tokenizer of the folder, or that of the base model where an adapter brings none."""
    names = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt")
    holder = place if any((place / name).is_file() for name in names) else base
    with reading(holder):
        tokenizer: Any = AutoTokenizer.from_pretrained(holder)
        said = str(tokenizer.decode(tokenizer(_PLAIN, add_special_tokens=False)["input_ids"], skip_special_tokens=True))
    if said.strip().lower() != _PLAIN:
        # A folder without tokenizer.model, say, gives a tokenizer that cuts every text into nothing.
        msg = f"the tokenizer of {holder} makes {said!r} of the text {_PLAIN!r}: its vocabulary is not there"
        raise BackendError(msg, remedy="copy all files of the tokenizer, such as tokenizer.json or tokenizer.model")
    return tokenizer

"""Pretrained causal language models from a folder or the hub, with the adapter of peft that the folder may hold."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoModelForCausalLM, AutoTokenizer

from fashionbench.errors import BackendError
from fashionbench_unifashion.weights.loading import ADAPTER, is_adapter, locate, reading, require_finite

if TYPE_CHECKING:
    import torch


def load_pretrained(source: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Load a model and its tokenizer; an adapter is merged into its base model, so that one plain model comes out.

    :raises BackendError: where either cannot be read, the weights do not fit or are not finite, or the adapter is of a
        kind that cannot be merged.
    """
    place = locate(source, adapter=True)
    base = _base_of(place) if is_adapter(place) else place
    network = _network(base, dtype)
    if base != place:
        network = _merged(network, place)
    require_finite(dict(network.state_dict()), source)
    return network, _tokenizer(place, base)


def _network(place: Path, dtype: torch.dtype) -> Any:
    auto: Any = AutoModelForCausalLM
    with reading(place):
        network, report = auto.from_pretrained(place, dtype=dtype, output_loading_info=True, use_safetensors=None)
    wrong = {name: keys for name, keys in report.items() if keys}
    if wrong:
        raise BackendError(f"the weights of {place} do not fit: {str(wrong)[:200]}", remedy="fetch them again")
    return network


def _base_of(adapter: Path) -> Path:
    """Find the base model that an adapter names: as it says, or beside the adapter."""
    with reading(adapter / ADAPTER):
        named = json.loads((adapter / ADAPTER).read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise BackendError(f"{adapter / ADAPTER} names no base model", remedy="set base_model_name_or_path")
    beside = [adapter / named, adapter.parent / Path(named).name]
    here = next((path for path in beside if not Path(named).expanduser().exists() and path.is_dir()), None)
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
        return AutoTokenizer.from_pretrained(holder)

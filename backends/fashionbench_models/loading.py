"""Models and processors of transformers from a folder: nothing is fetched, no code is run, no weight is left random."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.utils import logging

from fashionbench.errors import BackendError, ConfigError, FashionBenchError, first_names, reason_of
from fashionbench_models.dispatched_model import cast, settle_offloaded
from fashionbench_models.folder import read_json
from fashionbench_models.placement import placement, placing
from fashionbench_models.tensor_parallel import TensorParallelModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_models.options import ModelOptions

#: Where transformers looks for how images are prepared, for the words of a tokenizer, and for weights.
_IMAGES = ("preprocessor_config.json", "processor_config.json", "image_processor_config.json")
_VOCABULARY = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "bpe.codes",
)
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def load_model(kind: Any, options: ModelOptions, device: str) -> Any:
    """Load a model by a class of transformers, in evaluation mode, on one device or as ``device_map`` says.

    :param kind: such as ``AutoModel``.
    :raises BackendError: where it cannot be loaded, or a weight of it is not in the folder.
    :raises ConfigError: where a device is not there, or ``device_map`` does not fit the model.
    """
    if options.tensor_parallel > 1:
        return TensorParallelModel(kind, options, device, lambda more: load_slice(kind, options, device, more))
    return load_slice(kind, options, device, {})


def load_slice(kind: Any, options: ModelOptions, device: str, more: dict[str, Any]) -> Any:
    """Load a model, or what this process has of one that several share.

    :param more: arguments of ``from_pretrained`` for that; none for a whole model.
    :raises BackendError: as :func:`load_model`.
    :raises ConfigError: as :func:`load_model`.
    """
    folder, dtype = Path(options.model), getattr(torch, options.dtype)
    logging.disable_progress_bar()  # a run has bars of its own
    try:
        places = placement(kind, options, device) if options.device_map else more
        with placing():
            model, report = kind.from_pretrained(
                folder,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # to name them below
                local_files_only=True,
                trust_remote_code=options.trust_remote_code,
                weights_only=True,
                **places,
            )
    except FashionBenchError:
        raise
    except Exception as error:  # from_pretrained raises what its many readers raise
        raise _cannot(folder, "model", error, missing_weights(folder)) from error
    # Weights that are missing would be drawn at random: the model would run, and its numbers mean nothing.
    found = {*report["missing_keys"], *report["mismatched_keys"]}
    lost = sorted(name if isinstance(name, str) else str(name[0]) for name in found)  # the latter come with shapes
    lost = [name for name in lost if not name.endswith("position_ids")]
    if lost:
        msg = f"{folder} has no weights, or weights of another shape, for {first_names(lost)}"
        raise BackendError(msg, remedy="download it again, or give the folder of the whole model")
    stray = {parameter.dtype for parameter in model.parameters()} - {dtype}
    if stray and options.device_map:
        cast(model, dtype)
    elif stray:
        model = model.to(dtype)
    try:
        model = model if places else model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch says either of a device that is not there
        said = str(error).strip().partition("\n")[0]
        msg = f"the model cannot be put on the device {device}: {said}"
        raise ConfigError(msg, remedy="leave the option device out, or name one that this machine has") from error
    if options.device_map:
        settle_offloaded(model)
    return model.eval().requires_grad_(requires_grad=False)


def load_processor(kind: Any, options: ModelOptions) -> Any:
    """Load a processor, tokenizer or image processor by a class of transformers.

    :raises BackendError: where it cannot be loaded.
    """
    folder = Path(options.model)
    try:
        return kind.from_pretrained(folder, local_files_only=True, trust_remote_code=options.trust_remote_code)
    except Exception as error:
        raise _cannot(folder, "processor", error, missing_parts(folder, kind.__name__)) from error


def require_words(tokenizer: Any, folder: str) -> None:
    """Refuse a tokenizer that does not give a plain text back: one whose vocabulary is not in the folder.

    Without those files transformers makes a tokenizer that knows no words, and says nothing.

    :raises BackendError: where the letters of a text are not those of its tokens.
    """
    text = "a red dress"
    back = tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True)
    if "".join(back.split()).lower() != "".join(text.split()):
        msg = f"the tokenizer in {folder} makes {back!r} of {text!r}"
        raise BackendError(msg, remedy="download the files of its vocabulary too, such as tokenizer.json")


def missing_parts(folder: Path, kind: str = "AutoProcessor") -> str:
    """Name the files that a processor of a kind is made of and that are not in the folder; empty where all are."""
    parts = {"AutoImageProcessor": _IMAGES, "AutoTokenizer": _VOCABULARY}
    wanted = [parts[kind]] if kind in parts else list(parts.values())
    return ", and ".join(f"no {' or '.join(names[:2])}" for names in wanted if not _any_of(folder, names))


def missing_weights(folder: Path) -> str:
    """Name the files of weights that are not in the folder; empty where all are."""
    indices = [path for name in _INDICES if (path := folder / name).is_file()]
    if not indices:
        return "" if any(folder.glob("*.safetensors")) or any(folder.glob("*.bin")) else f"no {' or '.join(_WEIGHTS)}"
    shards = {str(name) for name in dict(read_json(indices[0]).get("weight_map") or {}).values()}
    lacking = sorted(name for name in shards if not (folder / name).is_file())
    return f"no {first_names(lacking)}, which {indices[0].name} names" if lacking else ""


def _any_of(folder: Path, names: Sequence[str]) -> bool:
    return any((folder / name).is_file() for name in names)


def _cannot(folder: Path, what: str, error: Exception, missing: str) -> BackendError:
    """Make the error of a part that cannot be loaded: of what is missing, or else of what its reader says."""
    if missing:
        msg = f"the {what} in {folder} cannot be loaded: the folder has {missing}"
        return BackendError(msg, remedy="put them there: download the whole repository, or save_pretrained each part")
    first = reason_of(error)
    remedy = "see that the folder is whole: config.json, weights, preprocessor_config.json and the tokenizer's files"
    if "trust_remote_code" in str(error):
        remedy = "it brings code of its own: read it, then set trust_remote_code=true, or use another folder"
    if "offload_folder" in str(error):
        remedy = "what lies on the disk is read from there as it is: save the model as safetensors, or put it on cpu"
    return BackendError(f"the {what} in {folder} cannot be loaded, {type(error).__name__}: {first}", remedy=remedy)

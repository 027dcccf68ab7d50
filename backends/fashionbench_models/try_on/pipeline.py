"""Inpainting pipelines of diffusers from a folder, and an IP-Adapter: nothing is fetched, no weight is left random."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoPipelineForInpainting
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from fashionbench.errors import BackendError, first_names, reason_of
from fashionbench.files import expanded
from fashionbench_models.folder import read_json
from fashionbench_models.loading import require_words

if TYPE_CHECKING:
    from fashionbench_models.options import ModelOptions

#: Parts that decide no pixel that is measured.
_LEFT_OUT = ("safety_checker",)
_ENCODER = "image_encoder"


def load_pipeline(options: ModelOptions, device: str) -> Any:
    """Load an inpainting pipeline as ``AutoPipelineForInpainting`` does, without its safety checker.

    :raises BackendError: where a part of it, or a weight of a part, is not in the folder.
    """
    folder = Path(options.model)
    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()  # a run has bars of its own
    index = {
        name: (str(value[0]), str(value[1]))
        for name, value in read_json(folder / "model_index.json").items()
        if isinstance(value, list) and len(value) == 2 and all(value) and name not in _LEFT_OUT
    }
    lacking = sorted(name for name in index if not (folder / name).is_dir())
    if lacking:
        msg = f"the pipeline in {folder} has no {', no '.join(lacking)}, which its model_index.json names"
        raise BackendError(msg, remedy="download the whole repository")
    dtype = getattr(torch, options.dtype)
    parts = {
        name: part
        for name, (library, kind) in index.items()
        if (part := load_network(folder / name, library, kind, dtype)) is not None
    }
    try:
        pipeline: Any = AutoPipelineForInpainting.from_pretrained(
            folder,
            local_files_only=True,
            safety_checker=None,
            requires_safety_checker=False,
            **parts,
        )
    except Exception as error:  # from_pretrained raises what its many readers raise
        raise _cannot(folder, "pipeline", error) from error
    for name in index:
        if name.startswith("tokenizer"):
            require_words(getattr(pipeline, name), str(folder / name))
    pipeline.set_progress_bar_config(disable=True)
    before = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()  # it warns of modules that keep single precision where there are none
    try:
        return pipeline.to(device)
    finally:
        diffusers_logging.set_verbosity(before)


def load_adapter(pipeline: Any, options: ModelOptions) -> str:
    """Give a pipeline an IP-Adapter (Ye et al., 2023) and its image encoder; return the name of the file.

    :raises BackendError: where the file or the encoder is not in the folder, or is of another network.
    """
    folder = expanded(options.adapter)
    name = options.adapter_file or _only_file(folder)
    if not (folder / name).is_file():
        raise BackendError(f"the adapter folder {folder} has no {name}", remedy="give its name as adapter_file=NAME")
    if not (folder / _ENCODER / "config.json").is_file():
        msg = f"the adapter folder {folder} has no {_ENCODER}/config.json"
        raise BackendError(msg, remedy=f"put the adapter's image encoder into {folder.name}/{_ENCODER}")
    encoder = load_network(folder / _ENCODER, "transformers", "CLIPVisionModelWithProjection", pipeline.dtype)
    pipeline.register_modules(image_encoder=encoder.to(pipeline.device))
    try:
        pipeline.load_ip_adapter(str(folder), subfolder="", weight_name=name, local_files_only=True)
    except Exception as error:  # the loader raises what a foreign file makes it raise
        raise _cannot(folder / name, "IP-Adapter", error) from error
    pipeline.set_ip_adapter_scale(options.adapter_scale)
    return name


def _only_file(folder: Path) -> str:
    found = sorted(path.name for path in folder.iterdir() if path.suffix in {".safetensors", ".bin"})
    if len(found) == 1:
        return found[0]
    msg = f"the adapter folder {folder} holds {first_names(found) if found else 'no .safetensors or .bin file'}"
    raise BackendError(msg, remedy="name the one to use with adapter_file=NAME")


def load_network(folder: Path, library: str, kind: str, dtype: Any) -> Any:
    """Load a part of a pipeline that is a network, and check its weights; None for parts of other kinds."""
    found = getattr(import_module(library), kind, None) if library in {"diffusers", "transformers"} else None
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        return None
    loader: Any = found
    # Left to itself transformers takes the precision of the file, and diffusers single precision.
    precision = {"dtype": torch.float32} if library == "transformers" else {}
    try:
        part, report = loader.from_pretrained(
            folder,
            **precision,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # to name them below
            # On the device meta a missing weight is an error that does not name it.
            low_cpu_mem_usage=False,
            local_files_only=True,
        )
    except Exception as error:  # from_pretrained raises what its many readers raise
        raise _cannot(folder, kind, error) from error
    found = {*report["missing_keys"], *report["mismatched_keys"]}
    lost = sorted(name if isinstance(name, str) else str(name[0]) for name in found)  # the latter come with shapes
    lost = [name for name in lost if not name.endswith("position_ids")]
    if lost:
        msg = f"{folder} has no weights, or weights of another shape, for {first_names(lost)}"
        raise BackendError(msg, remedy="download it again, or give the folder of the whole model")
    if dtype != torch.float32:
        part = part.to(dtype)
    return part.eval().requires_grad_(requires_grad=False)


def _cannot(place: Path, what: str, error: Exception) -> BackendError:
    msg = f"the {what} in {place} cannot be loaded, {type(error).__name__}: {reason_of(error)}"
    return BackendError(msg, remedy="see that the folder is whole, as save_pretrained or 'hf download' wrote it")

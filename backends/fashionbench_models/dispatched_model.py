"""Models whose modules lie on several devices: accelerate places them, and moves what passes between them."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.errors import counted
from fashionbench_models.device_map import MAIN_MEMORY, NAMED, OFFLOADED, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench_models.options import ModelOptions


def cast(model: Any, dtype: torch.dtype) -> None:
    """Give every weight one type, where it lies: a model that is dispatched must not be moved.

    What is offloaded is cast when it is fetched, to the type of what stands in its place.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def input_device(model: Any) -> torch.device:
    """Return where inputs go: the first device of the map that computes; from there they are moved on."""
    places: Mapping[str, Any] = getattr(model, "hf_device_map", {})
    if not places:
        found: torch.device = model.device
        return found
    computing = [place for place in places.values() if str(place) not in OFFLOADED]
    return torch.device(computing[0] if computing else MAIN_MEMORY)


def where_it_lies(model: Any, options: ModelOptions) -> dict[str, str]:
    """Say for the record how many modules with weights, and parameters, lie where; nothing without a map.

    Warns where a map by name has put weights where nothing computes: they are copied at each call.
    """
    if options.tensor_parallel > 1:
        told_by_it: dict[str, str] = model.facts
        return told_by_it
    if not options.device_map:
        return {}
    modules: Counter[str] = Counter()
    parameters: Counter[str] = Counter()
    tied = set(getattr(model, "all_tied_weights_keys", ()))
    for name, module in model.named_modules():
        own = dict(module.named_parameters(prefix=name, recurse=False))
        modules.update({_place(model, key, value) for key, value in own.items()})
        for key, value in own.items():
            if key not in tied:
                parameters[_place(model, key, value)] += value.numel()
    told = [
        f"{place}: {counted(modules[place], 'module')}, {counted(parameters[place], 'parameter')}"
        for place in sorted(modules)
    ]
    aside = sum(value.numel() for name, value in model.named_parameters() if value.is_meta and name not in tied)
    if aside and options.device_map in NAMED:
        share = aside / max(1, sum(parameters.values()))
        warnings.warn(
            f"device_map={options.device_map} leaves {share:.0%} of the weights where nothing computes ("
            f"{'; '.join(told)}): they are copied at each call, which is slow; use more devices, or dtype=bfloat16",
            stacklevel=2,
        )
    return {"device map": "; ".join(told)}


def settle_offloaded(model: Any) -> None:
    """Have weights of an offloaded model at hand that are read otherwise than by calling their module.

    A model's own tensors, such as the query tokens of BLIP-2, stay on the device. The weights of a block that the
    model's authors want undivided are fetched together: some read those of their layers (the embeddings of BLIP-2, the
    attention in the head of SigLIP), which are not there where each layer fetches its own.
    """
    if not hasattr(model, "hf_device_map"):
        return
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module, remove_hook_from_module  # noqa: PLC0415
    from accelerate.utils import set_module_tensor_to_device  # noqa: PLC0415
    from accelerate.utils.offload import PrefixedDataset  # noqa: PLC0415

    outer = model._hf_hook  # noqa: SLF001  # by which accelerate knows it too
    if isinstance(outer, AlignDevicesHook) and outer.offload:
        own = {name: outer.weights_map[name] for name, _ in model.named_parameters(recurse=False)}
        remove_hook_from_module(model)
        for name, value in own.items():
            set_module_tensor_to_device(model, name, outer.execution_device, value=value)
        place, skipped = outer.execution_device, outer.skip_keys
        add_hook_to_module(model, AlignDevicesHook(place, io_same_device=True, skip_keys=skipped))
    whole = getattr(model, "_no_split_modules", None) or ()
    for name, block in list(model.named_modules()):
        hooks = [getattr(part, "_hf_hook", None) for part in block.modules()]
        fetching = [one for one in hooks if isinstance(one, AlignDevicesHook) and one.offload]
        if type(block).__name__ not in whole or not fetching or not all(one.is_meta for one in block.parameters()):
            continue
        first = fetching[0]
        remove_hook_from_module(block, recurse=True)
        hook = AlignDevicesHook(
            execution_device=first.execution_device,
            offload=True,
            weights_map=PrefixedDataset(first.weights_map.dataset, f"{name}."),
            place_submodules=True,
            skip_keys=first.skip_keys,
            tied_params_map=first.tied_params_map,
        )
        add_hook_to_module(block, hook)


def _place(model: Any, name: str, value: torch.Tensor) -> str:
    """Return where a parameter lies, of one that is offloaded where it waits."""
    if not value.is_meta:
        return str(value.device)
    places: Mapping[str, Any] = model.hf_device_map
    longest = max((key for key in places if holds(key, name)), key=len, default="")
    return f"{places.get(longest, MAIN_MEMORY)} (offloaded)"

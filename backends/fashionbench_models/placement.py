"""What ``from_pretrained`` is told of the devices of a model, checked before weights are read."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoConfig

from fashionbench.errors import BackendError, ConfigError, first_names
from fashionbench_models.device_map import DISK, MAIN_MEMORY, OFFLOADED, holds, indexed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fashionbench_models.options import ModelOptions


def placement(kind: Any, options: ModelOptions, device: str) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained`` that place a model as its options say.

    :param kind: the class of transformers that loads it.
    :param device: that of the run; on ``cpu``, what is placed by name goes to main memory and disk alone.
    :raises BackendError: where accelerate is not installed.
    :raises ConfigError: where the options name a module that the model does not have, none for some of its weights, or
        a device that is not there.
    """
    if find_spec("accelerate") is None:
        raise BackendError("device_map needs accelerate", remedy='pip install "fashionbench[models]"')
    if isinstance(options.device_map, Mapping):
        places = {name: indexed(place) for name, place in options.device_map.items()}
        _check_devices("device_map", places.values())
        return {"device_map": _complete(places, skeleton(kind, options))}
    if ":" in device:
        msg = f"device_map={options.device_map} takes every device that it sees, and --device is {device}"
        remedy = f"leave --device out; to have that one alone, set CUDA_VISIBLE_DEVICES={device.partition(':')[2]}"
        raise ConfigError(msg, remedy=remedy)
    limits = dict(options.max_memory) if isinstance(options.max_memory, Mapping) else {}
    sizes = {indexed(place): size for place, size in limits.items()}
    if device == MAIN_MEMORY and sizes.keys() - {MAIN_MEMORY}:
        msg = f"max_memory names {first_names(sorted(limits))}, and the run computes on the processor"
        raise ConfigError(msg, remedy="leave all but cpu out, or take --device cuda where there is a GPU")
    _check_devices("max_memory", sizes)
    if device == MAIN_MEMORY and not sizes:
        sizes = {MAIN_MEMORY: _free_memory()}
    return {"device_map": options.device_map, **({"max_memory": sizes} if sizes else {})}


@contextlib.contextmanager
def placing() -> Iterator[None]:
    """Keep quiet what accelerate warns of the places that it has chosen itself, of single parameters."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The following device_map keys do not match any submodules")
        yield


def skeleton(kind: Any, options: ModelOptions) -> nn.Module:
    """Build a model without its weights, to look at the names of its modules."""
    trust = options.trust_remote_code
    config = AutoConfig.from_pretrained(Path(options.model), local_files_only=True, trust_remote_code=trust)
    with torch.device("meta"):
        made: nn.Module = (
            kind.from_config(config, trust_remote_code=trust) if hasattr(kind, "from_config") else kind(config)
        )
    return made


def _complete(places: Mapping[str, str | int], model: nn.Module) -> dict[str, str | int]:
    """Check a mapping against a model, and write it so that no module that is named holds another one.

    Accelerate puts all of a module that is named in one place at first, which for a part on the disk it cannot; and to
    transformers a name stands for all that begins with it, ``layers.1`` for ``layers.10``.

    :raises ConfigError: where it does not fit the model.
    """
    _check_modules(places, model)
    found: dict[str, str | int] = {}
    left: list[str] = []
    for name, place, whole in _parts("", model, None, places):
        if place is None:
            left.append(name)
        else:
            # What stands alone is not fetched from the disk when it is needed.
            found[name] = MAIN_MEMORY if place == DISK and not whole else place
    if left:
        msg = f"device_map has no place for {first_names(left)}"
        raise ConfigError(msg, remedy="name them too, or '' for all that is not named")
    return found


def _parts(
    name: str, module: nn.Module, place: str | int | None, places: Mapping[str, str | int]
) -> Iterator[tuple[str, str | int | None, bool]]:
    """Yield name and place of the largest modules that lie in one place, and of the tensors between them.

    :param place: that of the module that holds this one; None where it has none.
    :returns: with whether it is a module, each.
    """
    place, prefix = places.get(name, place), f"{name}." if name else ""
    if not any(key != name and holds(name, key) for key in places):
        if place is not None or module.state_dict():
            yield name, place, True
        return
    for child, part in module.named_children():
        yield from _parts(f"{prefix}{child}", part, place, places)
    for tensors in (module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
        for own, _ in tensors:
            yield f"{prefix}{own}", places.get(f"{prefix}{own}", place), False


def _check_modules(places: Mapping[str, str | int], model: nn.Module) -> None:
    """Check that a model has the modules that are named, and that none of them is a part of an undivided one."""
    modules = dict(model.named_modules())
    unknown = sorted(places.keys() - modules.keys() - {name for name, _ in model.named_parameters()})
    if unknown:
        there = [name for name in modules if name and name.count(".") <= 1]
        msg = f"device_map names {first_names(unknown)}, which the model does not have"
        raise ConfigError(msg, remedy=f"its modules are {first_names(there, 12)}")
    undivided = getattr(model, "_no_split_modules", None) or ()
    for name, module in modules.items():
        inside = [key for key in places if key != name and holds(name, key)]
        if inside and type(module).__name__ in undivided:
            msg = (
                f"device_map names {first_names(inside)} within {name}, a {type(module).__name__}, which is not divided"
            )
            raise ConfigError(msg, remedy=f"name {name}")


def _check_devices(option: str, places: Iterable[str | int]) -> None:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    there = torch.accelerator.device_count() if accelerator is not None else 0
    for place in places:
        if place in OFFLOADED:
            continue
        number, kind = (0, place) if isinstance(place, str) else (place, "")
        if accelerator is None or number >= there or (kind and kind != accelerator.type):
            has = f"{there} of {accelerator.type}" if accelerator is not None else "none"
            msg = f"{option} names the device {place}, and of accelerators this process sees {has}"
            raise ConfigError(msg, remedy="name devices that are there, counted from 0")


def _free_memory() -> int:
    """Return the bytes of main memory that a model may take: what is free, less a tenth, as transformers counts it."""
    import psutil  # noqa: PLC0415

    return int(psutil.virtual_memory().available * 0.9)

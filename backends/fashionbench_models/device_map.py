"""The options device_map and max_memory: which module of a model lies on which device. Nothing here needs torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

Places: TypeAlias = "Mapping[str, str | int] | str"

#: The ways in which accelerate places modules by itself.
NAMED = ("auto", "balanced", "balanced_low_0", "sequential")
#: Where weights may lie that are copied to a device for as long as their module computes.
OFFLOADED = (MAIN_MEMORY, DISK) = ("cpu", "disk")
_DEVICE = re.compile(r"cpu|disk|mps|(?:cuda|xpu|npu|hpu|mlu)(?::\d+)?|\d+")
_SIZE = re.compile(r"\d+(\.\d+)?(KiB|MiB|GiB|KB|MB|GB)")


def check_places(device_map: Places, max_memory: Places, device: str = "") -> None:
    """Check the options before a model is looked at.

    :param device: the option of that name.
    :raises ConfigError: where they are no places, or contradict each other.
    """
    _check_device_map(device_map)
    if device_map and device:
        msg = f"device={device} puts a model on one device, and device_map says where each part of it lies"
        raise ConfigError(msg, remedy="leave one of them out")
    if not max_memory:
        return
    if not isinstance(max_memory, Mapping):
        remedy = "give a mapping from devices to sizes, such as {'cuda:0': 20GiB, cpu: 60GiB}"
        raise ConfigError(f"the option max_memory is {max_memory!r}", remedy=remedy)
    if device_map not in NAMED:
        msg = "max_memory limits what a device_map by name puts where"
        raise ConfigError(msg, remedy=f"say device_map={NAMED[0]} too, or leave max_memory out")
    _check_keys("max_memory", max_memory)
    for place, size in max_memory.items():
        _check_device("max_memory names", place)
        if place == DISK:
            raise ConfigError("max_memory names the disk", remedy="leave it out: what finds no room goes there")
        if isinstance(indexed(place), str) and place not in (MAIN_MEMORY, "mps"):
            raise ConfigError(f"max_memory names {place} without a number", remedy=f"write {place}:0")
        if type(size) is not int and not (isinstance(size, str) and _SIZE.fullmatch(size)):
            msg = f"max_memory gives {place} {size!r}"
            raise ConfigError(msg, remedy="give bytes, or a text such as 20GiB or 500MB")


def _check_device_map(device_map: Places) -> None:
    if not isinstance(device_map, Mapping):
        if device_map not in ("", *NAMED):
            remedy = f"it is one of {', '.join(NAMED)}, or a mapping from modules to devices, such as {{'': 'cuda:0'}}"
            raise ConfigError(f"the option device_map is {device_map!r}", remedy=remedy)
        return
    if not device_map:
        remedy = "name modules, or '' for the whole model"
        raise ConfigError("the option device_map is an empty mapping", remedy=remedy)
    _check_keys("device_map", device_map)
    for module, place in device_map.items():
        _check_device(f"device_map puts {module or 'the model'} on", place)


def indexed(place: str | int) -> str | int:
    """Return a device as accelerate names it: those of which there may be several by their number."""
    number = str(place).rpartition(":")[2]
    return int(number) if number.isdecimal() else str(place)


def holds(module: str, name: str) -> bool:
    """Tell whether a parameter or module is in a module, or is it; all are in the one without a name."""
    return not module or name == module or name.startswith(f"{module}.")


def gpus_needed(device_map: Places, max_memory: Places) -> float:
    """Count the GPUs that a process must see; infinity where it takes whatever there is.

    Processes number the GPUs that they see from 0, so a place ``cuda:2`` needs three of them.
    """
    if not device_map:
        return 1
    if not isinstance(device_map, Mapping):
        return _highest(max_memory) if max_memory else math.inf
    return _highest(device_map.values())


def _highest(places: Iterable[str | int]) -> int:
    """Return one more than the highest number of an accelerator, and 0 where there is none."""
    accelerators = [place for place in map(indexed, places) if place not in OFFLOADED]
    return max((place if isinstance(place, int) else 0 for place in accelerators), default=-1) + 1


def _check_keys(option: str, places: Mapping[str, object]) -> None:
    for key in places:
        if not isinstance(key, str):  # YAML makes numbers of them
            raise ConfigError(f"{option} has the key {key!r}, which is no text", remedy=f"quote it: '{key}'")


def _check_device(said: str, place: object) -> None:
    if isinstance(place, bool) or not isinstance(place, (str, int)) or not _DEVICE.fullmatch(str(place)):
        remedy = "a device is cpu, disk, mps, cuda:0 or the number of a GPU"
        raise ConfigError(f"{said} {place!r}, which is no device", remedy=remedy)

"""Which device computed: of accelerators it is known by the memory that torch gave out on them."""

from __future__ import annotations

import sys
from typing import Any

CPU = "cpu"
#: Accelerators that are looked at whatever was asked for, since a model may choose for itself.
_ACCELERATORS = ("cuda", "mps", "xpu")


class DeviceUse:
    """What is used from now on; asking imports nothing and starts no accelerator.

    :param wanted: the device that models are told to use, such as ``cuda:1``.
    """

    def __init__(self, wanted: str) -> None:
        kinds = {wanted.partition(":")[0] for wanted in (wanted, *_ACCELERATORS)} - {CPU, ""}
        self._devices = [wanted, *sorted(kinds - {wanted.partition(":")[0]})]
        self._before = {device: _given_out(device) for device in self._devices}

    @property
    def device(self) -> str:
        """The accelerator on which memory was asked for since, the wanted one first; else the processor."""
        return next((device for device in self._devices if _given_out(device) > self._before[device]), CPU)


def _given_out(device: str) -> int:
    """Count what torch has given out on a device since it began; 0 where it never did."""
    torch = sys.modules.get("torch")
    module: Any = getattr(torch, device.partition(":")[0], None)
    try:
        if hasattr(module, "memory_stats"):
            # Without an index it is the present one of several; any of them counts.
            places = [device] if ":" in device or not hasattr(module, "device_count") else range(module.device_count())
            return sum(int(module.memory_stats(place).get("allocation.all.allocated", 0)) for place in places)
        if hasattr(module, "driver_allocated_memory"):
            return int(module.driver_allocated_memory())
    except (RuntimeError, AssertionError, ValueError):  # torch says any of them of a device that is not there
        return 0
    return 0

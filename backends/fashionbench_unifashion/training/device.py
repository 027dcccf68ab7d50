"""Device and precision of a training, as they were asked for or an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from accelerate import Accelerator


def require_device(name: str) -> torch.device:
    """Return a device that this machine has.

    :raises ConfigError: where it is no device of torch, or is not there.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"{name!r} is no torch device", remedy=f"choose one of {', '.join(_present())}") from error
    known = _present()
    if device.type not in known or (device.index or 0) >= known[device.type]:
        there = ", ".join(f"{kind} ({count})" if count > 1 else kind for kind, count in known.items())
        raise ConfigError(f"this machine has no device {name}", remedy=f"choose of what it has: {there}, or auto")
    return device


def make_accelerator(name: str, precision: str) -> Accelerator:
    """Make accelerate's accelerator on a device, in a precision.

    With several processes, each takes the device of its own number, and none may be named.

    :raises ConfigError: where the device is not there, or cannot compute in the precision.
    """
    from accelerate import Accelerator  # noqa: PLC0415
    from accelerate.state import AcceleratorState  # noqa: PLC0415
    from accelerate.utils import DistributedDataParallelKwargs  # noqa: PLC0415

    wanted = require_device(name)
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in {"1", "true", "yes"}:
        msg = "ACCELERATE_USE_FSDP asks accelerate to shard the model, which cannot shard a temperature"
        raise ConfigError(msg, remedy="unset it, and say fashionbench train --fsdp")
    # accelerate keeps one state a process, which may have had a training of another kind before.
    kept = AcceleratorState._shared_state  # noqa: SLF001
    before: torch.device = kept.get("device", wanted)
    elsewhere = before.type != wanted.type or (
        None not in (before.index, wanted.index) and before.index != wanted.index
    )
    if kept.get("_mixed_precision", precision) != precision or elsewhere:
        AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())  # noqa: SLF001
    if wanted.type == "cuda" and wanted.index is not None:
        torch.cuda.set_device(wanted)  # what accelerate takes without a number
    if wanted.type == "cpu" and precision == "fp16":
        raise ConfigError("a processor does not train in fp16", remedy="set precision to no or bf16")
    try:
        accelerator = Accelerator(
            cpu=wanted.type == "cpu",
            mixed_precision=precision,
            kwargs_handlers=[
                # Buffers are the same everywhere already, for no step changes them.
                DistributedDataParallelKwargs(
                    find_unused_parameters=True, broadcast_buffers=False, gradient_as_bucket_view=True
                )
            ],
        )
    except ValueError as error:  # of a precision that the device lacks
        raise ConfigError(f"{name} cannot train in {precision}: {error}", remedy="choose another precision") from error
    if accelerator.num_processes > 1 and wanted.index is not None:
        msg = f"{accelerator.num_processes} processes cannot all train on {name}"
        raise ConfigError(msg, remedy=f"say --device {wanted.type}")
    got, index = accelerator.device, accelerator.device.index
    right = got.type == wanted.type and (wanted.index is None or _number(index) == wanted.index)
    if not right or accelerator.mixed_precision != precision:
        found = f"{got} in {accelerator.mixed_precision}"
        raise ConfigError(
            f"{name} in {precision} was asked for, and accelerate gives {found}", remedy="unset ACCELERATE_*"
        )
    return accelerator


def require_shardable(accelerator: Accelerator) -> None:
    """Refuse to spread a model over processes where that cannot be done.

    :raises ConfigError: in one process, and in half precision, whose loss scale is that of each process by itself.
    """
    if accelerator.num_processes == 1:
        remedy = "start it with torchrun --nproc_per_node N -m fashionbench train ..., or leave --fsdp out"
        raise ConfigError("--fsdp spreads a model over several processes, and this is one", remedy=remedy)
    if accelerator.mixed_precision == "fp16":
        raise ConfigError("--fsdp does not scale losses, as fp16 needs it", remedy="set precision to bf16 or no")


def _number(index: int | None) -> int:
    """Return the number of a device of CUDA; without one it is the current one."""
    if index is not None:
        return index
    return torch.cuda.current_device() if torch.cuda.is_available() else 0


def _present() -> dict[str, int]:
    """Count the devices of this machine by kind."""
    found = {"cpu": 1}
    kinds: tuple[Any, ...] = (torch.cuda, getattr(torch, "xpu", None))
    for kind, module in zip(("cuda", "xpu"), kinds, strict=True):
        if module is not None and module.is_available():
            found[kind] = int(module.device_count())
    if torch.backends.mps.is_available():
        found["mps"] = 1
    return found

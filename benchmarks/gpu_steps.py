"""Bare training steps: under FSDP2 against unsharded ones, and on a GPU against a processor."""

from __future__ import annotations

import gc
import statistics
import time
import traceback
from typing import TYPE_CHECKING, Any

from gpu_parts import difference, said, synchronize
from gpu_setup import copied

if TYPE_CHECKING:
    from gpu_setup import Bench

    from fashionbench_unifashion.training.phases.base import PhaseInputs
    from fashionbench_unifashion.training.recipe import PhaseConfig

#: How far losses in float32 without TF32 may be from the processor's, relative to them: that of the first step, and any of five.
#: AdamW's first updates are signs of gradients, so that rounding of one near zero moves a weight by the whole learning rate.
FIRST_TOLERANCE, LOSS_TOLERANCE = 1e-4, 1e-2


def plain_steps(
    inputs: PhaseInputs, name: str, config: PhaseConfig, steps: int, *, sharded: bool, bf16: bool
) -> dict[str, Any]:
    """Take steps of a phase without accelerate, whole or sharded by FSDP2, and return losses and figures."""
    import torch
    from torch import distributed
    from torch.distributed.fsdp import fully_shard

    from fashionbench_unifashion.training.batch_sampler import number
    from fashionbench_unifashion.training.memory_estimate import blocks
    from fashionbench_unifashion.training.phases.registry import make_phase, train_only

    gc.collect()  # the model before this one, so that it is no part of the peak
    device = inputs.model.device
    phase: Any = make_phase(name, config, inputs)
    phase.start()
    train_only(inputs.model, config)
    if distributed.is_initialized():
        # FSDP2 shards no scalar: the temperature stays as it is in both runs.
        scalars = {value.requires_grad_(requires_grad=False) for value in phase.parameters() if value.dim() == 0}
    if sharded:
        for block in blocks(inputs.model):
            fully_shard(block)
        fully_shard(phase, ignored_params=scalars)
    learning = [value for value in phase.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=config.lr)
    phase.train()
    losses, times = [], []
    for step in range(steps):
        if step == 1 and device.type != "cpu":
            torch.cuda.reset_peak_memory_stats()
        seed = number(0, name, step)
        torch.manual_seed(seed)
        begun = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = phase.total(phase(phase.batch(step), seed))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, config.clip)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
        synchronize(device.type)
        times.append(time.perf_counter() - begun)
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type != "cpu" else None
    return {"losses": losses, "ms a step": statistics.median(times[2:]) * 1e3, "peak GiB": peak}


def fsdp(bench: Bench) -> dict[str, Any]:
    """Phases under torch's fully_shard in one process, against the same steps unsharded: losses, speed and memory.

    The trainer's own (``train --fsdp``) is for several processes, so the model is wrapped here: each block that can be recomputed,
    then the phase, frozen weights too.
    """
    import torch

    distributed: Any = torch.distributed  # its stubs leave stores out
    rows: dict[str, Any] = {}
    batch, steps = (16, 10) if bench.size != "nano" else (4, 4)
    # What drops is drawn in another order where layers are sharded.
    training = bench.training("fsdp", "cpu", model={"changes": {"qformer": {"dropout": 0.0}}})
    kind = "nccl" if bench.device != "cpu" else "gloo"
    distributed.init_process_group(kind, store=distributed.HashStore(), rank=0, world_size=1)
    for name in ("1b-language", "1b-diffusion", "1a"):
        config = training.recipe.phases[name].model_copy(update={"batch": batch})
        try:
            one, two = (
                plain_steps(copied(training, bench.device), name, config, steps, sharded=sharded, bf16=True)
                for sharded in (False, True)
            )
        except Exception:
            rows[name] = {"error": traceback.format_exc()}
            print(f"FSDP, {name}: not run: {rows[name]['error']}")
            continue
        rows[name] = {"batch": batch, "steps": steps}
        rows[name] |= {f"{key}, sharded": two[key] for key in ("ms a step", "peak GiB")}
        rows[name] |= {f"{key}, whole": one[key] for key in ("ms a step", "peak GiB")}
        rows[name]["largest relative difference of losses"] = difference(two["losses"], one["losses"])
        print(f"FSDP, {name}: {said(rows[name])}")
        bench.keep({"phases": rows})
    distributed.destroy_process_group()
    return {"processes": 1, "wrapped by": "this benchmark, with torch's fully_shard", "phases": rows}


def equality(bench: Bench) -> dict[str, Any]:
    """Five steps of training in float32 without TF32: the losses on the device against those on the processor."""
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    changes: dict[str, Any] = {"qformer": {"dropout": 0.0}}  # each device draws what drops from a generator of its own
    if bench.size != "nano":
        changes["diffusion"] = {"width": 128, "height": 192}
    training = bench.training(
        "equality", "cpu", model={"changes": changes}, precision="no", recompute=False, limit=24, held_out=0.2
    )
    rows: dict[str, Any] = {}
    for name in ("1a", "1b-language", "1b-diffusion", "2", "try-on"):
        if time.perf_counter() > bench.ends - 15:
            rows[name] = {"error": "left out for want of time"}
            continue
        config, begun = (
            training.recipe.phases[name].model_copy(update={"batch": 4, "lm_examples": 4}),
            time.perf_counter(),
        )
        try:
            wanted, got = (
                plain_steps(copied(training, device), name, config, 5, sharded=False, bf16=False)["losses"]
                for device in ("cpu", bench.device)
            )
        except Exception:
            rows[name] = {"error": traceback.format_exc()}
            print(f"losses of {name} failed: {rows[name]['error']}")
            continue
        rows[name] = {
            "processor": wanted,
            "device": got,
            "relative difference by step": [difference([one], [two]) for one, two in zip(got, wanted, strict=True)],
            "relative difference of the first step": difference(got[:1], wanted[:1]),
            "largest relative difference": difference(got, wanted),
            "within": difference(got[:1], wanted[:1]) <= FIRST_TOLERANCE and difference(got, wanted) <= LOSS_TOLERANCE,
            "seconds": time.perf_counter() - begun,
        }
        print(f"losses of {name}: {said(rows[name])}")
        bench.keep({"phases": rows})
    return {"tolerances": [FIRST_TOLERANCE, LOSS_TOLERANCE], "steps": 5, "batch": 4, "phases": rows}

"""A trained model at work: try-on images in seconds and against a processor, and ``fashionbench run`` on both devices."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from gpu_parts import said, synchronize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from gpu_setup import Bench

#: How far latents sampled in float32 without TF32 may be from the processor's, in their standard deviations.
LATENT_TOLERANCE = 1e-3


def sampling(bench: Bench) -> dict[str, Any]:
    """Try-on images of a batch: seconds an image in float32 and bf16; then float32 without TF32 against the processor."""
    import torch

    from fashionbench_unifashion.diffusion.batch_rng import BatchRng

    training = bench.training("sampling", precision="no")
    model, batches = training.model.eval(), training.tryon_batches
    diffusion = model.diffusion
    assert diffusion is not None and batches is not None
    wanted = training.examples.tryon_examples[: 8 if bench.size != "nano" else 2]
    steps = 20 if bench.size != "nano" else 4

    def sample(device: str, count: int, steps: int) -> tuple[Any, Any, float]:
        latents = []
        model.to(device)
        hook = diffusion.vae.network.post_quant_conv.register_forward_pre_hook(
            lambda _module, given: latents.append((given[0] * diffusion.vae.scale).float().cpu())
        )
        try:
            with torch.inference_mode():
                rng = BatchRng(torch.Generator().manual_seed(0))  # tells which are try-on and which design
                batch = batches.batch(wanted[:count], rng, mirror=False)
                condition = model.condition_of(batches.states(batch))
                synchronize(bench.device)
                begun = time.perf_counter()
                images = diffusion.sample(condition, batch.conditions, seeds=list(range(count)), steps=steps)
                synchronize(bench.device)
                return images.float().cpu(), latents[-1], time.perf_counter() - begun
        finally:
            hook.remove()

    size = f"{diffusion.config.width}x{diffusion.config.height}"
    found: dict[str, Any] = {"size": size, "steps": steps, "batch": len(wanted), "sampler": diffusion.config.sampler}
    modes: dict[str, AbstractContextManager[Any]] = {
        "float32": nullcontext(),
        "bf16 autocast": torch.autocast(bench.device, torch.bfloat16),
    }
    for name, mode in modes.items():
        with mode:
            sample(bench.device, len(wanted), 2)
            found[f"{name} s an image"] = sample(bench.device, len(wanted), steps)[2] / len(wanted)
    print(f"sampling: {said(found)}")
    bench.keep(found)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    # The conditions are encoded anew on each device, from the same noise.
    images, latents, _ = sample(bench.device, 1, 4)
    cpu_images, cpu_latents, seconds = sample("cpu", 1, 4)
    off = float((latents - cpu_latents).abs().max() / cpu_latents.std())
    found["processor"] = {
        "steps": 4,
        "seconds on the processor": seconds,
        "largest difference of latents over their standard deviation": off,
        "largest difference of pixels in [-1, 1]": float((images - cpu_images).abs().max()),
        "tolerance": LATENT_TOLERANCE,
        "within": off <= LATENT_TOLERANCE,
    }
    print(f"float32 without TF32 against the processor: {said(found['processor'])}")
    return found


def command(bench: Bench) -> dict[str, Any]:
    """``fashionbench train`` on the device, then ``fashionbench run`` of its model there and on the processor: the metrics."""
    train = ["train", "unifashion-nano", "--out", str(bench.folder / "nano"), "--device", bench.device]
    train += ["--data", f"atelier={bench.twin}"] if bench.twin else []
    found: dict[str, Any] = {"seconds": {}, "metrics": {}}

    def call(words: Sequence[str], name: str) -> str:
        begun = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-m", "fashionbench", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=bench.folder,
        )
        found["seconds"][name] = time.perf_counter() - begun
        bench.keep(found)
        if ran.returncode:
            raise RuntimeError(
                f"fashionbench {' '.join(words)} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"[-6000:]
            )
        return ran.stdout

    call(train, "train")
    values: list[dict[str, float]] = []
    for place, device in enumerate(("cpu", bench.device)):
        words = ["run", "--task", "wardrobe/image-to-text", "--backend", "unifashion", "--device", device, "--json"]
        words += [
            "--option",
            f"model={bench.folder / 'nano' / 'model'}",
            "--store",
            str(bench.folder / f"store-{place}"),
        ]
        records = json.loads(call(words, f"run on {device}"))
        values.append({m["id"]: m["value"] for record in records for m in record["metrics"] if m["value"] is not None})
    for name in sorted(values[0].keys() | values[1].keys()):
        found["metrics"][name] = [one.get(name) for one in values]
    found["equal"] = values[0] == values[1] and bool(values[0])
    print(f"fashionbench on both devices: {said(found)}")
    return found

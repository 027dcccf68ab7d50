"""UniFashion on a GPU: speed and memory of training, FSDP and sampling, and how far its numbers are from a processor's.

The model is that of gpu_unifashion.yaml: random weights, in the published shapes; the data are the generated twin.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpu_parts import Benchmark, main
from gpu_setup import Bench

if TYPE_CHECKING:
    import argparse


def twin_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--twin", type=Path, help="a folder of 'fashionbench data make atelier'; else a small one is made"
    )


BENCHMARK = Benchmark(
    name="gpu_unifashion",
    title="UniFashion",
    row="phase",
    sizes=("300m", "nano"),
    seconds=480,
    parts={
        "phases": ("gpu_training:phases", 200),
        "fsdp": ("gpu_steps:fsdp", 80),
        "sampling": ("gpu_inference:sampling", 100),
        "equality": ("gpu_steps:equality", 100),
        "command": ("gpu_inference:command", 100),
    },
    run=Bench,
    preload=("torch",),
    packages=("torch", "transformers", "diffusers", "accelerate"),
    more_options=twin_option,
)

if __name__ == "__main__":
    main(BENCHMARK, __doc__)

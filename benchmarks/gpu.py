"""The harness on a GPU: encoding, features, ranking, and how far its numbers are from a processor's.

Models are of published sizes with random weights, images are generated; neither changes a time. A part that is stopped
leaves what it has found so far.
"""

from __future__ import annotations

from gpu_parts import Benchmark, main

BENCHMARK = Benchmark(
    name="gpu",
    title="The harness",
    row="way",
    sizes=("real", "nano"),
    seconds=240,
    parts={
        "clip": ("gpu_encoding:clip", 65),
        "siglip": ("gpu_encoding:siglip", 60),
        "inception": ("gpu_encoding:inception", 30),
        "ranking": ("gpu_ranking:ranking", 45),
        "equality": ("gpu_equality:equality", 90),
    },
    preload=("torch", "torchvision", "transformers", "fashionbench_models.encoders.two_towers"),
    packages=("torch", "torchvision", "transformers", "numpy", "pillow"),
)

if __name__ == "__main__":
    main(BENCHMARK, __doc__)

#!/usr/bin/env bash
# UniFashion on a GPU in at most eight minutes: training, FSDP, sampling, and how far the GPU's numbers are from a processor's.
# Results: ${OUT:-.}/gpu_unifashion.{json,md}. Arguments go to gpu_unifashion.py; "--size nano --device cpu" is the test of it.
set -u
cd "$(dirname "$0")/.." || exit 1
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
exec "${PYTHON:-python3}" benchmarks/gpu_unifashion.py --out "${OUT:-.}" "$@"

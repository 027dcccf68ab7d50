#!/usr/bin/env bash
# The harness on a GPU in at most four minutes: images a second, ranks of a large gallery, and equality with a processor.
# Results: ${OUT:-.}/gpu.{json,md}. Arguments go to gpu.py; "--size nano --device cpu" is the test of it.
set -u
cd "$(dirname "$0")/.." || exit 1
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
exec "${PYTHON:-python3}" benchmarks/gpu.py --out "${OUT:-.}" "$@"

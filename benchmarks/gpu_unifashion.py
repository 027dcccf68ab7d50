"""UniFashion on a GPU: speed and memory of training, FSDP and sampling, and how far its numbers are from a processor's.

The model is that of gpu_unifashion.yaml: random weights, in the published shapes; the data are the generated twin. Each part
runs in a process of its own, so that one that fails or hangs leaves the others alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from gpu_setup import RESULT, Bench, cell

#: The most seconds that all parts may take together, and each of them; a part that is stopped leaves what it has found so far.
SECONDS = 480
PARTS = {"phases": 200, "fsdp": 80, "sampling": 100, "equality": 100, "command": 100}
MODULES = {
    "phases": "gpu_training",
    "fsdp": "gpu_steps",
    "sampling": "gpu_inference",
    "equality": "gpu_steps",
    "command": "gpu_inference",
}


def markdown(found: dict[str, Any]) -> str:
    """Make a table of each part that has rows, and a list of what else it says."""
    lines = [f"# UniFashion on {found['machine'].get('device', 'no device')}", ""]
    lines += [f"- {name}: {cell(value)}" for name, value in found["machine"].items()]
    for name, part in found["parts"].items():
        lines += ["", f"## {name}", ""]
        rows = part.get("phases", {})
        lines += [f"- {key}: {cell(value)}" for key, value in part.items() if key not in {"phases", "error"}]
        if "error" in part:
            lines += [f"- failed: {part['error'].strip().splitlines()[-1]}"]
        columns = list(
            dict.fromkeys(key for row in rows.values() for key, value in row.items() if not isinstance(value, list))
        )
        if columns:
            lines += ["", "| phase | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
            for phase, row in rows.items():
                cells = [cell(row.get(key)).strip().splitlines()[-1] for key in columns]
                lines.append(f"| {phase} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def machine(device: str) -> dict[str, Any]:
    from importlib.metadata import version

    import torch

    found: dict[str, Any] = {"device": "the processor", "cores": os.cpu_count(), "python": sys.version.split()[0]}
    if device != "cpu":
        found |= {
            "device": torch.cuda.get_device_name(),
            "memory GiB": torch.cuda.get_device_properties(0).total_memory / 2**30,
        }
        found["cuda"] = torch.version.cuda
    return found | {name: version(name) for name in ("torch", "transformers", "diffusers", "accelerate")}


def part(name: str, root: Path, seconds: float, options: argparse.Namespace) -> dict[str, Any]:
    """Run a part in a process of its own, and end that with all that it has started when its time is over."""
    folder = root / name
    folder.mkdir()
    # An import may ask for a GPU, after which no fork can use it; without one, the parts share what is imported.
    context = multiprocessing.get_context("forkserver" if options.device == "cpu" else "spawn")
    process = context.Process(target=run_part, args=(name, folder, seconds, options))
    process.start()
    process.join(seconds)
    failed = f"the process ended with {process.exitcode}" if process.exitcode else None
    if process.is_alive():
        failed = f"stopped after {seconds:.0f} s"
        os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
    kept = folder / RESULT
    result: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
    shutil.rmtree(folder, ignore_errors=True)
    return result if failed is None else {**result, "error": failed}


def run_part(name: str, folder: Path, seconds: float, options: argparse.Namespace) -> None:
    """Be the process of a part, and the first of a group that can be ended together."""
    os.setsid()
    warnings.simplefilter("ignore")
    bench = Bench(options.size, options.device, folder, seconds, options.twin)
    bench.keep(getattr(import_module(MODULES[name]), name)(bench))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("300m", "nano"), default="300m")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument(
        "--twin", type=Path, help="a folder of 'fashionbench data make atelier'; else a small one is made"
    )
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    options = parser.parse_args()
    import torch

    if options.device != "cpu" and not torch.cuda.is_available():
        print("no GPU here")
        return
    if options.device == "cpu":
        multiprocessing.get_context("forkserver").set_forkserver_preload(["fashionbench_unifashion.training.trainer"])
    begun = time.perf_counter()
    found: dict[str, Any] = {"size": options.size, "machine": machine(options.device), "parts": {}, "seconds": {}}
    print(found["machine"])
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-unifashion-", ignore_cleanup_errors=True) as root:
        for name in options.only:
            started = time.perf_counter()
            found["parts"][name] = part(name, Path(root), min(PARTS[name], SECONDS - (started - begun)), options)
            now = time.perf_counter()
            found["seconds"][name] = now - started
            print(f"--- {name}: {now - started:.0f} s, {now - begun:.0f} s in all")
            (options.out / "gpu_unifashion.json").write_text(json.dumps(found, indent=1) + "\n")
            (options.out / "gpu_unifashion.md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()

"""How long the command line takes to answer, against a bare interpreter and against importing click alone."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

CASES = {
    "python -c pass": ["-c", "pass"],
    "import click": ["-c", "import click"],
    "fashionbench --help": ["-c", "from fashionbench.cli.main import main; main(['--help'])"],
    "fashionbench list tasks": ["-c", "from fashionbench.cli.main import main; main(['list', 'tasks'])"],
    "import torch": ["-c", "import torch"],
}


def seconds(words: list[str]) -> float:
    """Time one start."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three repeats")
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    repeat = 3 if options.quick else options.repeat
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for words in CASES.values():  # warm the file caches
        seconds(words)
    for _ in range(repeat):  # interleaved, so that a slow moment of the machine hits all
        for name, words in CASES.items():
            times[name].append(seconds(words))
    bare = min(times["python -c pass"])
    print(f"{'case':28}{'best s':>9}{'median s':>10}{'x bare python':>15}")
    for name, taken in times.items():
        print(f"{name:28}{min(taken):9.3f}{statistics.median(taken):10.3f}{min(taken) / bare:15.1f}")


if __name__ == "__main__":
    main()

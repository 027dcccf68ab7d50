"""Parts of a benchmark on a GPU, each in a process of its own with a time limit: one that fails or hangs leaves the others.

The processes are forked from one that has imported what all of them need, and has never touched the device.
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
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

RESULT = "result.json"


class PartRun:
    """What a part is given: the size, the device, a folder of its own, and its time.

    :ivar shared: a folder that the parts of one run leave for each other.
    """

    def __init__(self, options: argparse.Namespace, folder: Path, seconds: float) -> None:
        self.size, self.device, self.folder, self.shared = options.size, options.device, folder, folder.parent
        self.options = options
        self.ends = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        """Seconds until the part is stopped."""
        return self.ends - time.perf_counter()

    def keep(self, found: dict[str, Any]) -> None:
        """Write what was found so far."""
        (self.folder / RESULT).write_text(json.dumps(found))

    def shared_once(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return what lies in the shared folder under a name; made whole by the first part that asks for it."""
        path, draft = self.shared / name, self.shared / f"{name}.part"
        if not path.exists():
            make(draft)
            draft.rename(path)
        return path


@dataclass(frozen=True)
class Benchmark:
    """What is measured.

    :param name: of the files of results.
    :param row: what the rows of a part's table are, such as ``phase``; they lie in its result under the plural.
    :param seconds: the most that all parts may take together.
    :param parts: for each part the function, as ``module:function``, and the most seconds that it may take; a part that
        is stopped leaves what it has found so far.
    :param run: makes what a part is given.
    :param preload: modules that are imported once for all parts.
    :param packages: whose versions are told.
    """

    name: str
    title: str
    row: str
    sizes: tuple[str, ...]
    seconds: float
    parts: Mapping[str, tuple[str, float]]
    preload: tuple[str, ...]
    packages: tuple[str, ...]
    run: type[PartRun] = PartRun
    more_options: Callable[[argparse.ArgumentParser], object] = lambda _parser: None


def main(benchmark: Benchmark, description: str | None) -> None:
    """Measure every part that is asked for, and write Markdown and JSON after each; without a GPU say so."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", choices=benchmark.sizes, default=benchmark.sizes[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--seconds", type=float, default=benchmark.seconds, help="the most that all parts may take")
    parser.add_argument("--only", nargs="+", choices=tuple(benchmark.parts), default=tuple(benchmark.parts))
    benchmark.more_options(parser)
    options = parser.parse_args()
    import torch

    if options.device != "cpu" and not torch.cuda.is_available():
        print("no GPU here")
        return
    begun = time.perf_counter()
    found: dict[str, Any] = {"size": options.size, "machine": machine(options.device, benchmark.packages)}
    found |= {"parts": {}, "seconds": {}}
    print(found["machine"])
    options.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(benchmark.preload))
    with tempfile.TemporaryDirectory(prefix=f"{benchmark.name}-", ignore_cleanup_errors=True) as root:
        for name in options.only:
            started = time.perf_counter()
            most = min(benchmark.parts[name][1], options.seconds - (started - begun))
            found["parts"][name] = run_part(benchmark, name, Path(root), most, options)
            now = time.perf_counter()
            found["seconds"][name] = now - started
            print(f"--- {name}: {now - started:.0f} s, {now - begun:.0f} s in all", flush=True)
            (options.out / f"{benchmark.name}.json").write_text(json.dumps(found, indent=1) + "\n")
            (options.out / f"{benchmark.name}.md").write_text(markdown(benchmark, found))
    print(markdown(benchmark, found))


def run_part(
    benchmark: Benchmark, name: str, root: Path, seconds: float, options: argparse.Namespace
) -> dict[str, Any]:
    """Run a part in a process of its own, and end that with all that it has started when its time is over."""
    if seconds <= 0:
        return {"error": "no time was left"}
    folder = root / name
    folder.mkdir()
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=in_child, args=(benchmark.run, benchmark.parts[name][0], options, folder, seconds))
    process.start()
    process.join(seconds)
    failed = f"the process ended with {process.exitcode}" if process.exitcode else None
    if process.is_alive():
        failed = f"stopped after {seconds:.0f} s"
        if (folder / "started").exists():  # it leads a group of its own by then
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
    kept = folder / RESULT
    result: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
    shutil.rmtree(folder, ignore_errors=True)
    return result if failed is None else {**result, "error": failed}


def in_child(kind: type[PartRun], target: str, options: argparse.Namespace, folder: Path, seconds: float) -> None:
    os.setsid()
    (folder / "started").touch()
    sys.stdout.reconfigure(line_buffering=True)
    module, _, function = target.partition(":")
    run = kind(options, folder, seconds)
    run.keep(getattr(import_module(module), function)(run))


def machine(device: str, packages: Sequence[str]) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"device": "the processor", "cores": os.cpu_count(), "python": sys.version.split()[0]}
    if device != "cpu":
        found |= {
            "device": torch.cuda.get_device_name(),
            "memory GiB": torch.cuda.get_device_properties(0).total_memory / 2**30,
        }
        found["cuda"] = torch.version.cuda
    return found | dict(versions(packages))


def versions(packages: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in packages:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not there"


def markdown(benchmark: Benchmark, found: dict[str, Any]) -> str:
    """Make a table of each part that has rows, and a list of what else it says."""
    lines = [f"# {benchmark.title} on {found['machine'].get('device', 'no device')}", ""]
    lines += [f"- {name}: {cell(value)}" for name, value in found["machine"].items()]
    key = f"{benchmark.row}s"
    for name, part in found["parts"].items():
        lines += ["", f"## {name}", ""]
        rows = part.get(key, {})
        lines += [f"- {item}: {cell(value)}" for item, value in part.items() if item not in {key, "error"}]
        if "error" in part:
            lines += [f"- failed: {part['error'].strip().splitlines()[-1]}"]
        columns = list(
            dict.fromkeys(item for row in rows.values() for item, value in row.items() if not isinstance(value, list))
        )
        if columns:
            lines += ["", f"| {benchmark.row} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
            for label, row in rows.items():
                cells = [cell(row.get(item)).strip().splitlines()[-1] for item in columns]
                lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def synchronize(device: str) -> None:
    """Wait until the device has done what it was asked for."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def difference(values: Sequence[float], reference: Sequence[float]) -> float:
    """Return the largest relative difference."""
    return max(abs(one - two) / max(abs(two), 1e-12) for one, two in zip(values, reference, strict=True))


def said(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {cell(value)}" for name, value in figures.items())


def cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "—" if value is None else str(value)

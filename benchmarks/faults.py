"""A campaign of faults, and what survives it: command lines, files of every format, full disks, kills, damage.

Each try is a fault against a fresh state; it is survived where the command ends with a code and a reason and no
traceback, and where a store holds afterwards all that was finished. The same tries, fewer of them, are tests in
``tests/faults``. The disk is a small tmpfs where one may be mounted, and else a shim that says it is full.

    python benchmarks/faults.py            a few thousand tries, some minutes
    python benchmarks/faults.py --quick    some hundred
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "toy"))

from fault_campaign import DAMAGES, RUN, Campaign
from hostile_files import fill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import StopTest
from odd_command_lines import check, lines, paths
from odd_files import CONFIGS, MANIFESTS, PREDICTIONS, configs, of

from fashionbench import api
from fashionbench.cli import options
from fashionbench.cli.main import group
from fashionbench.errors import StoreError
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable


class Table:
    """Tries and survivals by kind, and the first failures."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self.survived: Counter[str] = Counter()
        self.failures: list[str] = []

    def attempt(self, kind: str, work: Callable[[], object]) -> None:
        """Count a try, whatever it raises."""
        try:
            work()
            self.survived[kind] += 1
        except StopTest:  # hypothesis gave up what it was drawing, and nothing was tried
            raise
        except Exception as error:
            self.failures.append(f"{kind}: {type(error).__name__}: {str(error)[:400]}")
        self.tries[kind] += 1

    def print(self) -> None:
        """Print the table."""
        print(f"{'fault':<44}{'tries':>8}{'survived':>10}")
        for kind, count in self.tries.items():
            print(f"{kind:<44}{count:>8,}{self.survived[kind]:>10,}")
        print(f"{'all':<44}{self.tries.total():>8,}{self.survived.total():>10,}")
        for failure in self.failures[:20]:
            print(failure)


def drawn(table: Table, kind: str, count: int, work: Callable[[st.DataObject], object]) -> None:
    """Try what hypothesis draws, without stopping at the first failure."""

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def try_all(data: st.DataObject) -> None:
        table.attempt(kind, lambda: work(data))

    try_all()


def commands(table: Table, count: int) -> None:
    """Try command lines of every command."""
    for path, command in paths(group):
        drawn(
            table,
            "command lines",
            count,
            lambda data, path=path, command=command: check(data.draw(lines(path, command))),
        )


def files(table: Table, count: int) -> None:
    """Try files of every format."""

    def written(name: str, content: bytes, words: list[str]) -> None:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
        try:
            check(words)
        finally:
            Path(name).unlink()

    for kind, sound in CONFIGS.items():
        words = {"policy": ["gate", "--baseline", "store", "--candidate", "store", "--policy", "c.yaml"],
                 "study": ["ablate", "c.yaml", "--dry-run"], "run": ["run", "c.yaml", "--dry-run"],
                 "board": ["board", "c.yaml"], "baseline": ["gate", "--baseline", "c.yaml", "--candidate", "store", "--policy", "policy.yaml"]}[kind]  # fmt: skip
        drawn(
            table,
            "configurations",
            count,
            lambda data, sound=sound, words=words: written("c.yaml", data.draw(configs(sound)), words),
        )
    for name, content in PREDICTIONS.items():
        words = [
            "score",
            "toy/squares",
            "--predictions",
            name if "/" not in name else "drawn",
            "--name",
            "x",
            "--store",
            "scored",
        ]
        place = name.replace("folder/", "drawn/")
        drawn(
            table,
            "predictions",
            count,
            lambda data, place=place, content=content, words=words: written(place, data.draw(of(content)), words),
        )
    for name, content in MANIFESTS.items():
        drawn(
            table,
            "manifests and judgements",
            count,
            lambda data, name=name, content=content: written(
                f"own/{name}", data.draw(of(content)), ["data", "check", "own"]
            ),
        )


def stores(table: Table, plugins: Plugins, folder: Path, count: int) -> None:
    """Try full disks, kills, runs side by side, and damage of every file."""
    campaign = Campaign(plugins, folder)
    expected, steps = campaign.undisturbed()
    every = max(1, steps // count)
    for step in range(0, steps, every):
        table.attempt("full disk at a step of writing (shim)", lambda step=step: campaign.full_at(step, expected))
        table.attempt("killed at a step of writing", lambda step=step: campaign.killed_at(step, expected))
    table.attempt("four processes on one store", lambda: campaign.together(4, expected))
    root = folder / "undisturbed"
    for path in sorted(
        path for path in root.rglob("*") if path.is_file() and path.suffix in {".json", ".jsonl", ".parquet", ".sqlite"}
    ):
        for how in DAMAGES:
            name = os.fspath(path.relative_to(root))
            table.attempt("damage of a file of a store", lambda name=name, how=how: campaign.damaged(name, how))


def real_disk(table: Table, plugins: Plugins, folder: Path, sizes: range) -> bool:
    """Run on a tmpfs that is too small; tell whether one could be mounted."""
    place = folder / "tmpfs"
    place.mkdir()

    def attempt() -> None:
        store = Store(place / "store")
        with contextlib.suppress(OSError, StoreError):
            api.run(RUN, plugins=plugins, store=store)
        assert not store.scan().faults
        assert all(record.status == "ok" for record in store.scan().records)

    for size in sizes:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            return False
        try:
            table.attempt("full disk (tmpfs)", attempt)
        finally:
            subprocess.run(["umount", str(place)], check=True)
    return True


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    plugins = Plugins(
        strict=True, points=[*entry_points(group="fashionbench"), EntryPoint("toy", "toy_plugin", "fashionbench")]
    )
    options.State.plugins = property(lambda _: plugins)
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hostile = folder / "one" / "two"
        fill(hostile, plugins)
        os.environ["FASHIONBENCH_STORE"] = "store"
        before = Path.cwd()
        os.chdir(hostile)
        try:
            commands(table, 5 if quick else 100)
            files(table, 5 if quick else 100)
        finally:
            os.chdir(before)
        stores(table, plugins, folder, 5 if quick else 10**6)
        if not real_disk(table, plugins, folder, range(8, 80, 24 if quick else 8)):
            print("no tmpfs may be mounted here: full disks are those of the shim alone")
    table.print()
    sys.exit(1 if table.failures else 0)


if __name__ == "__main__":
    main()

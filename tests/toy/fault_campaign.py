"""A campaign against a store: what was finished stays, what was not is told, and the same command goes on from there."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from write_steps import at_step, full, killed

from fashionbench import api
from fashionbench.api.records import verify_records
from fashionbench.records.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.plugins.manager import Plugins

RUN = {"tasks": "toy/squares", "backends": ["toy/colour", "toy/greedy"]}


@dataclass(frozen=True)
class Campaign:
    """Faults against runs of the toy plugin.

    :param plugins: with the toy plugin.
    :param folder: an empty folder.
    """

    plugins: Plugins
    folder: Path

    def values(self, store: Store) -> dict[str, float]:
        """Run what is not there yet; return a value a backend."""
        records = api.run(RUN, plugins=self.plugins, store=store)
        assert [record.status for record in records] == ["ok", "ok"]
        return {record.backend.id: record.metric("mrr").value for record in records}

    def sound(self, store: Store, expected: dict[str, float]) -> None:
        """See that nothing finished is damaged, and that the same command ends in the same values."""
        assert not store.scan().faults, store.scan().faults
        again = Store(store.root)
        assert self.values(again) == expected
        found = verify_records(again, metrics=False, plugins=self.plugins)
        assert found.ok, found.faults

    def undisturbed(self) -> tuple[dict[str, float], int]:
        """Return the values of a run that nothing disturbs, and the number of its steps."""
        store = Store(self.folder / "undisturbed")
        with at_step(10**9, full) as steps:
            values = self.values(store)
        return values, len(steps)

    def full_at(self, step: int, expected: dict[str, float]) -> None:
        """Fill the disk at a step: the run ends or goes on without what is memory alone, and the next one is whole."""
        store = Store(self.folder / f"full-{step}")
        with at_step(step, full), pytest.raises(Exception, match="No space left"):
            api.run(RUN, plugins=self.plugins, store=store)
        assert all(record.status == "ok" for record in store.scan().records)
        self.sound(store, expected)

    def killed_at(self, step: int, expected: dict[str, float]) -> None:
        """Kill a process at a step."""
        store = Store(self.folder / f"killed-{step}")
        child = os.fork()
        if child == 0:
            with at_step(step, killed):
                api.run(RUN, plugins=self.plugins, store=store)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        self.sound(store, expected)

    def together(self, count: int, expected: dict[str, float]) -> None:
        """Let several processes run the same cells on one store."""
        store = Store(self.folder / "together")
        children = []
        for _ in range(count):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = 0 if self.values(store) == expected else 2
                finally:
                    os._exit(code)
            children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * count
        self.sound(store, expected)

    def damaged(self, path: str, how: str) -> None:
        """Damage one file of a store; the commands that read it go on, and one that checks names it."""
        root = self.folder / "damaged"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.folder / "undisturbed", root)
        place, whole = root / path, (root / path).read_bytes()
        match how:
            case "cut":
                place.write_bytes(whole[: len(whole) // 2])
            case "flipped":
                at = len(whole) // 3
                place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            case "emptied":
                place.write_bytes(b"")
            case "gone":
                place.unlink()
            case "fifo":
                place.unlink()
                os.mkfifo(place)
            case "folder":
                place.unlink()
                place.mkdir()
        store = Store(root)
        assert store.scan().records
        found = verify_records(store, metrics=False, plugins=self.plugins)
        assert not (path.startswith(("records/", "predictions/")) and found.ok), (path, how)


DAMAGES = ("cut", "flipped", "emptied", "gone", "fifo", "folder")

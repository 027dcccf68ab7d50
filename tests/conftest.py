"""Fixtures that several test folders use."""

from __future__ import annotations

import gc
import os
import signal
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["fashionbench.conformance.plugin", "pytester"]

#: Set where everything is installed that tests compare with.
PEERS = "FASHIONBENCH_TESTS_NEED_PEERS"

# Time is no matter of tests: this machine may be busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def entry_points_with_toy() -> list[EntryPoint]:
    """The built-in plugins and the toy plugin; what is installed is searched once."""
    return [*entry_points(group="fashionbench"), EntryPoint("toy", "toy_plugin", "fashionbench")]


@pytest.fixture
def plugins(entry_points_with_toy) -> Plugins:
    """The built-in plugins and the toy plugin."""
    return Plugins(strict=True, points=entry_points_with_toy)


@pytest.fixture
def heeded_interrupts() -> Generator[None]:
    """Heed Ctrl-C, which a process ignores that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def store(tmp_path) -> Store:
    """An empty store."""
    return Store(tmp_path / "results")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport]:
    """Count a test as failed that is skipped for want of a package, where all of them are said to be installed."""
    report = yield
    reason = str(report.longrepr)
    # A browser is no Python package, so tox cannot install it; where CI is set, its fixture fails and skips nothing.
    # What needs bitsandbytes has it in the environment of the whole jobs alone.
    elsewhere = any(word in reason for word in ("win32", "Windows", "no Chromium", "fashionbench[quantization]"))
    if os.environ.get(PEERS) and report.skipped and not elsewhere:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and {PEERS} is set: {reason}"
    return report


def pytest_xdist_auto_num_workers() -> int:
    """Start three workers on two cores: whole runs wait for their processes, for Java and for disks."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_finish() -> None:
    """Leave all that collecting the tests has made out of garbage collections, which take a second each otherwise."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run quick tests first; where several workers share them, the whole runs first, for they take the longest.

    A worker that is done takes tests from the end of another one's list, so what stands at the beginning stays together.
    """
    shared = "PYTEST_XDIST_WORKER" in os.environ

    def order(item: pytest.Item) -> tuple[bool, bool]:
        slow = item.get_closest_marker("slow") is not None
        return not (shared and "end_to_end" in item.path.parts), not slow if shared else slow

    items.sort(key=order)

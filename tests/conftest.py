"""Fixtures that several test folders use."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import pytest
from hypothesis import settings

from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store

# Time is no matter of tests: this machine may be busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def plugins() -> Plugins:
    """The built-in plugins and the toy plugin."""
    points = [*entry_points(group="fashionbench"), EntryPoint("toy", "toy_plugin", "fashionbench")]
    return Plugins(strict=True, points=points)


@pytest.fixture
def store(tmp_path) -> Store:
    """An empty store."""
    return Store(tmp_path / "results")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run quick tests first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)

"""A small twin that the tests of loaders and tasks share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cached_twin import cached_twin

from fashionbench_atelier.generate import make
from fashionbench_atelier.ground_truth import truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource


@pytest.fixture(scope="session")
def twin(pytestconfig) -> Path:
    """A twin; tests do not change it."""
    return cached_twin(pytestconfig)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The smallest twin that can be made, of seed 0; tests do not change it."""
    root = tmp_path_factory.mktemp("atelier") / "tiny"
    make(root, 0, {"products": 24, "people": 4, "outfits": 10, "processes": 1}, lambda done, total: None)
    return root


@pytest.fixture(scope="session")
def source(twin) -> LayoutSource:
    """The exact truth behind the twin."""
    return truth(twin)


@pytest.fixture
def copied(twin, tmp_path) -> Callable[[str], Path]:
    """A function that copies a layout of the twin to where it may be changed."""

    def copy(name: str) -> Path:
        return shutil.copytree(twin / name, tmp_path / name)

    return copy

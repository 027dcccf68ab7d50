"""A small twin, and what a training on it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part
from fashionbench_atelier.generate import make
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.training.trainer import Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Dropout draws from torch's own generator; without it a result can be the same in one process and in two.
STILL = {"model": {"changes": {"qformer": {"dropout": 0.0}}}}


@pytest.fixture(scope="session")
def twin(tmp_path_factory) -> Path:
    """A twin; tests do not change it."""
    root = tmp_path_factory.mktemp("atelier") / "twin"
    make(root, 5, {"products": 120, "people": 16, "outfits": 0, "processes": 1}, lambda done, total: None)
    return root


@pytest.fixture(scope="session")
def parts(twin):
    """A function that opens training parts, each once."""
    plugins, roots, opened = Plugins(strict=True), DataRoots(named={"atelier": twin}), {}

    def part(name):
        if name not in opened:
            opened[name] = open_part(name, plugins, roots)
        return opened[name]

    return part


@pytest.fixture(scope="session")
def context(parts) -> Callable[..., TrainingContext]:
    """A function that makes the context of a training in a folder."""

    def made(out, **changes):
        said = []
        fields = {"out": out, "part": parts, "device": "cpu", "reporter": Silent(), "say": said.append, **changes}
        return TrainingContext(**fields)

    return made


@pytest.fixture(scope="session")
def training(context) -> Callable[..., Training]:
    """A function that makes a training of the nano recipe with changes."""

    def made(out, **changes):
        return Training(load_recipe("unifashion-nano", changes), context(out))

    return made


@pytest.fixture(scope="session")
def trained(training, tmp_path_factory):
    """A whole training of the nano recipe, which nothing interrupted."""
    made = training(tmp_path_factory.mktemp("nano"))
    made.result = made.run()
    return made

"""A small generated data set, and trainings of the nano recipe on it.

Torch and what builds on it is imported by the fixtures, so that a run that needs none of them does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cached_twin import cached_twin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fashionbench.training.contract import TrainingContext
    from fashionbench_unifashion.training.trainer import Training

#: Dropout draws from torch's own generator; without it a result can be the same in one process and in two.
STILL = {"model": {"changes": {"qformer": {"dropout": 0.0}}}}


@pytest.fixture(scope="session")
def twin(pytestconfig) -> Path:
    """The folder of a generated twin; tests do not change it."""
    return cached_twin(pytestconfig)


@pytest.fixture(scope="session")
def parts(twin):
    """A function that opens training parts, each once."""
    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.training.open_part import open_part

    plugins, roots, opened = Plugins(strict=True), DataRoots(named={"atelier": twin}), {}

    def part(name):
        if name not in opened:
            opened[name] = open_part(name, plugins, roots)
        return opened[name]

    return part


@pytest.fixture(scope="session")
def context(parts) -> Callable[..., TrainingContext]:
    """A function that makes the context of a training in a folder."""
    from fashionbench.progress import Silent
    from fashionbench.training.contract import TrainingContext

    def make_context(out, **changes):
        said = []
        fields = {"out": out, "part": parts, "device": "cpu", "reporter": Silent(), "say": said.append, **changes}
        return TrainingContext(**fields)

    return make_context


@pytest.fixture(scope="session")
def training(context) -> Callable[..., Training]:
    """A function that makes a training of the nano recipe with changes."""
    pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")
    from fashionbench_unifashion.training.recipe import load_recipe
    from fashionbench_unifashion.training.trainer import Training

    def make_training(out, **changes):
        return Training(load_recipe("unifashion-nano", changes), context(out))

    return make_training


@pytest.fixture(scope="session")
def trained(training, tmp_path_factory):
    """A whole training of the nano recipe, which nothing interrupted."""
    whole = training(tmp_path_factory.mktemp("nano"))
    whole.result = whole.run()
    return whole

"""The trained nano model as it is probed, and copies of it that are broken in one way."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def nano_sample(trained, parts):
    """Held-out items of the nano recipe."""
    from fashionbench.diagnostics.sample import draw_sample
    from fashionbench_unifashion.diagnosis.description import describe, held_out

    folder = trained.result.model
    described = describe(folder)
    return draw_sample(
        [parts(name) for name in described.tasks],
        held_out=held_out(folder),
        instructions=described.instructions,
        limit=24,
        seed=0,
    )


@pytest.fixture(scope="session")
def untrained(trained, tmp_path_factory):
    """The folder of the same model before any training, and which parts it kept."""
    from fashionbench_unifashion.diagnosis.untrained import write_untrained

    out = tmp_path_factory.mktemp("untrained") / "model"
    return out, write_untrained(trained.result.model, out, 1)


@pytest.fixture(scope="session")
def probed(trained, nano_sample, untrained):
    """A function that describes a model's folder to probes."""
    from fashionbench.diagnostics.system import ProbedModel
    from fashionbench.progress import Silent

    # Photos are decoded and encoded once for all tests: what is kept of them is kept by the encoder's weights.
    shared = {}

    def make(folder=trained.result.model):
        return ProbedModel(folder, *untrained, nano_sample, 0, "cpu", Silent(), shared)

    return make


@pytest.fixture
def broken(trained, tmp_path):
    """A function that copies the trained model, lets a change be made to it, and returns the copy's folder."""
    import torch

    from fashionbench_unifashion.model.unifashion import load

    def make(change):
        model = load(trained.result.model)
        with torch.no_grad():
            change(model)
        folder = tmp_path / "training" / "model"
        model.save(folder)
        shutil.copy(trained.result.model / "training.json", folder)
        return folder

    return make

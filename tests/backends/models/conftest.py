"""Tiny models of each family on disk, images and texts."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext

TEXTS = (
    "a red dress",
    "the blue shirt with long sleeves",
    "Green",
    "a dress is a shirt and a dress of red and green and blue with long long long sleeves",
)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """Write a tiny model of a family, once."""
    pytest.importorskip("torch")
    import tiny_models

    written = {}

    def write(kind, seed=0):
        if (kind, seed) not in written:
            written[kind, seed] = tmp_path_factory.mktemp(f"{kind}-{seed}") / kind
            getattr(tiny_models, kind)(written[kind, seed], seed=seed)
        return written[kind, seed]

    return write


@pytest.fixture(scope="session")
def build(folder_of, tmp_path_factory):
    """Describe a model by its address and build it."""
    plugins = Plugins(strict=True)

    def make(kind, seed=0, **options):
        spec = plugins.describe_backend(f"hf:{folder_of(kind, seed)}", options)
        context = BackendContext(
            options={**spec.options, **options}, seed=0, device="cpu", cache=tmp_path_factory.getbasetemp()
        )
        return resolve(spec.target)(context)

    return make


@pytest.fixture(scope="session")
def images():
    """Images of several sizes, each of another colour with noise."""
    rng = np.random.default_rng(3)
    sizes = ((40, 30), (64, 64), (33, 90))
    return [
        ImageItem(f"image-{i}", Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)))
        for i, size in enumerate(sizes)
    ]


@pytest.fixture(scope="session")
def texts():
    return [TextItem(f"text-{i}", text) for i, text in enumerate(TEXTS)]

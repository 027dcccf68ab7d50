from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.constant import Constant

PIXEL = Image.new("RGB", (1, 1))


def context(seed: int = 0, **options: Any) -> BackendContext:
    return BackendContext(options, seed, "cpu", Path())


def texts(*ids: str) -> list[TextItem]:
    return [TextItem(name, "any") for name in ids]


def test_everything_ties_exactly_under_the_constant() -> None:
    model = Constant(context())
    queries = model.encode_images([ImageItem(name, PIXEL) for name in "ab"], "query")
    candidates = model.encode_texts(texts("x", "y", "z"), "candidate")
    assert np.array_equal(queries @ candidates.T, np.ones((2, 3)))
    assert np.array_equal(model.encode_composed([ComposedItem("a", PIXEL, "")]), queries[:1])
    assert np.array_equal(model.score_pairs([PairItem("p", texts("a")[0], texts("b")[0])]), [0.0])


def test_the_constant_repeats_its_caption_and_takes_no_other_option() -> None:
    items = [ImageItem(name, PIXEL) for name in "abc"]
    assert Constant(context()).caption(items, "anything") == ["a garment"] * 3
    assert Constant(context(text="a hat")).caption(items[:1], "") == ["a hat"]
    with pytest.raises(ConfigError, match="the option text is 3"):
        Constant(context(text=3))
    with pytest.raises(UnknownNameError, match="unknown option 'dimension'"):
        Constant(context(dimension=3))

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.training_examples import TrainingData, Triplet
from fashionbench.errors import BackendError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.popular import PopularTarget

IMAGE = Image.new("RGB", (2, 2))


def image(name):
    return ImageItem(name, IMAGE)


def test_the_cosine_of_a_candidate_is_its_share_of_the_greatest_count():
    made = PopularTarget(BackendContext({}, 0, "cpu", None))
    with pytest.raises(BackendError, match="before it had learnt"):
        made.encode_images([image("a")], "query")
    with pytest.raises(BackendError, match="has no triplets"):
        made.fit(TrainingData("t"), 0)
    made.fit(TrainingData("t", triplets=[Triplet(image("x"), TextItem("t", "w"), image(n)) for n in "aaaabb"]), 0)
    queries = made.encode_images([image("a"), image("z")], "query")
    candidates = made.encode_images([image("a"), image("b"), image("z")], "candidate")
    assert np.allclose(np.linalg.norm(candidates, axis=1), 1)
    assert np.allclose(queries @ candidates.T, [[1, 0.5, 0]] * 2)
    assert np.array_equal(made.encode_composed([ComposedItem("q", IMAGE, "w")]), queries[:1])

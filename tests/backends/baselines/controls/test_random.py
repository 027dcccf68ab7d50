from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import ConfigError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.random import Random

PIXEL = Image.new("RGB", (1, 1))


def context(seed: int = 0, **options: Any) -> BackendContext:
    return BackendContext(options, seed, "cpu", Path())


def texts(*ids: str) -> list[TextItem]:
    return [TextItem(name, "any") for name in ids]


def test_a_random_vector_depends_on_no_batch_and_no_order() -> None:
    model = Random(context())
    together = model.encode_texts(texts("a", "b", "c"), "query")
    assert np.array_equal(model.encode_texts(texts("c", "a"), "query"), together[[2, 0]])


def test_query_and_candidate_of_one_id_are_independent() -> None:
    model = Random(context())
    ids = [f"item-{number}" for number in range(500)]
    own = np.sum(model.encode_texts(texts(*ids), "query") * model.encode_texts(texts(*ids), "candidate"), axis=1)
    # The cosine of independent directions in D dimensions has mean 0 and variance 1/D.
    assert abs(own.mean()) < 4 / np.sqrt(256 * 500)
    assert np.isclose(own.var(), 1 / 256, rtol=0.25)


def test_the_seed_decides_the_vectors() -> None:
    one, two = (Random(context(seed)).encode_texts(texts("a"), "query") for seed in (0, 1))
    assert not np.array_equal(one, two)
    assert np.array_equal(one, Random(context(0)).encode_texts(texts("a"), "query"))


def test_the_capabilities_of_chance_agree_on_an_item() -> None:
    model = Random(context())
    image = model.encode_images([ImageItem("a", PIXEL)], "query")
    assert np.array_equal(image, model.encode_composed([ComposedItem("a", PIXEL, "in red")]))
    assert image.shape == (1, 256)
    assert np.isclose(np.linalg.norm(image), 1, atol=1e-6)


def test_chance_finds_one_in_as_many_as_there_are_candidates() -> None:
    model, size, trials = Random(context(seed=3)), 10, 2000
    gallery = model.encode_texts(texts(*(f"c{number}" for number in range(size))), "candidate")
    queries = model.encode_texts(texts(*(f"q{number}" for number in range(trials))), "query")
    # Whatever the right candidate is, chance ranks it first once in ten: the standard error is 0.0067.
    hits = np.mean(np.argmax(queries @ gallery.T, axis=1) == np.arange(trials) % size)
    assert abs(hits - 1 / size) < 4 * np.sqrt(0.1 * 0.9 / trials)


def test_random_pair_scores_depend_on_the_two_ids_alone() -> None:
    model = Random(context())
    pairs = [PairItem(f"p{n}", TextItem("q", "x"), TextItem(f"c{n}", "y")) for n in range(100)]
    scores = model.score_pairs(pairs)
    assert np.array_equal(model.score_pairs(pairs[::-1]), scores[::-1])
    assert scores.min() > 0
    assert scores.max() <= 1
    assert len(set(scores.tolist())) == 100


def test_a_dimension_below_two_is_refused() -> None:
    with pytest.raises(ConfigError, match="it must be at least 2"):
        Random(context(dimension=1))
    assert Random(context(dimension=5)).encode_texts([], "query").shape == (0, 5)


@pytest.mark.slow
def test_another_process_draws_the_same_vectors() -> None:
    code = (
        "import hashlib; from pathlib import Path; from fashionbench.specs.capabilities import BackendContext\n"
        "from fashionbench.data.items import TextItem; from fashionbench_baselines.controls.random import Random\n"
        "made = Random(BackendContext({}, 5, 'cpu', Path())).encode_texts([TextItem('naïve', '')], 'candidate')\n"
        "print(hashlib.sha256(made.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "99"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    mine = Random(context(5)).encode_texts(texts("naïve"), "candidate")
    assert ran.stdout.strip() == hashlib.sha256(mine.tobytes()).hexdigest()

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.random import Constant, Oracle, Random

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL = Image.new("RGB", (1, 1))


def context(seed: int = 0, **options: Any) -> BackendContext:
    return BackendContext(options, seed, "cpu", Path())


def texts(*ids: str) -> list[TextItem]:
    return [TextItem(name, "any") for name in ids]


def oracle(positives: dict[str, frozenset[str]], seed: int = 0, **options: Any) -> Oracle:
    made = Oracle(context(seed, **options))
    made.reveal(Truth(positives))
    return made


def cosines(model: Oracle, queries: list[str], candidates: list[str]) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = model.encode_texts(texts(*queries), "query") @ (
        model.encode_texts(texts(*candidates), "candidate").T
    )
    return scores


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


def test_everything_ties_exactly_under_the_constant() -> None:
    model = Constant(context())
    queries = model.encode_images([ImageItem(name, PIXEL) for name in "ab"], "query")
    candidates = model.encode_texts(texts("x", "y", "z"), "candidate")
    assert np.array_equal(queries @ candidates.T, np.ones((2, 3)))
    assert np.array_equal(model.encode_composed([ComposedItem("a", PIXEL, "")]), queries[:1])
    assert np.array_equal(model.score_pairs([PairItem("p", texts("a")[0], texts("b")[0])]), [0.0])


def test_the_constant_takes_no_options() -> None:
    with pytest.raises(UnknownNameError, match="none registered"):
        Constant(context(dimension=3))


NAMES = st.sampled_from([f"i{number}" for number in range(12)])
QRELS = st.dictionaries(NAMES, st.frozensets(NAMES, max_size=5), min_size=1, max_size=12)


@given(QRELS, st.integers(0, 3))
def test_each_positive_scores_above_everything_else(qrels: dict[str, frozenset[str]], seed: int) -> None:
    """Brute force: ids are shared between the roles, answers overlap or not, and some items are in no answer."""
    candidates = [f"i{number}" for number in range(12)] + ["stranger"]
    scores = cosines(oracle(qrels, seed), list(qrels), candidates)
    for row, answer in zip(scores, qrels.values(), strict=True):
        right = [score for name, score in zip(candidates, row, strict=True) if name in answer]
        wrong = [score for name, score in zip(candidates, row, strict=True) if name not in answer]
        if right:
            assert min(right) > max(wrong)
            assert candidates[int(np.argmax(row))] in answer


@given(QRELS)
def test_oracle_vectors_have_norm_one(qrels: dict[str, frozenset[str]]) -> None:
    model = oracle(qrels)
    for role in ("query", "candidate"):
        vectors = model.encode_texts(texts(*(f"i{number}" for number in range(12))), role)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_separate_answers_stay_compact_however_many_they_are() -> None:
    qrels = {f"q{product}-{view}": frozenset({f"c{product}"}) for product in range(700) for view in range(2)}
    model = oracle(qrels, memory_mib=1)
    queries, candidates = list(qrels), [f"c{product}" for product in range(700)]
    scores = cosines(model, queries, candidates)
    assert model.encode_texts(texts("q0-0"), "query").shape == (1, 256)
    assert [candidates[best] for best in scores.argmax(axis=1)] == [
        name.split("-")[0].replace("q", "c") for name in queries
    ]


def test_an_image_that_is_query_and_candidate_need_not_answer_itself() -> None:
    scores = cosines(oracle({"a": frozenset({"b"}), "b": frozenset({"a"})}), ["a", "b"], ["a", "b"])
    assert np.array_equal(scores.argmax(axis=1), [1, 0])


def test_overlapping_answers_above_the_memory_limit_are_refused_with_a_remedy() -> None:
    chain = {f"q{number}": frozenset({f"c{number}", f"c{number + 1}"}) for number in range(600)}
    # 1201 items in 256 + 600 dimensions of four bytes: 3.9 MiB.
    with pytest.raises(BackendError, match=r"600 overlapping answers .* 4 MiB .*raise the option memory_mib above 3"):
        oracle(chain, memory_mib=3)
    model = oracle(chain, memory_mib=4)
    assert np.count_nonzero(cosines(model, list(chain), [f"c{n}" for n in range(601)]) > 0) == 1200


def test_strangers_get_directions_of_their_own() -> None:
    model = oracle({"q": frozenset({"c"})})
    strangers = model.encode_images([ImageItem(name, PIXEL) for name in ("s", "t")], "candidate")
    assert abs(float(strangers[0] @ strangers[1])) < 0.5
    assert not np.array_equal(strangers, model.encode_images([ImageItem(name, PIXEL) for name in ("s", "t")], "query"))


def test_the_oracle_scores_pairs_by_the_truth() -> None:
    model = oracle({"q": frozenset({"c"})})
    pairs = [PairItem(f"{q}{c}", texts(q)[0], texts(c)[0]) for q, c in (("q", "c"), ("q", "d"), ("c", "c"))]
    assert np.array_equal(model.score_pairs(pairs), [1.0, 0.0, 0.0])


def test_an_oracle_without_the_truth_refuses_to_answer() -> None:
    model = Oracle(context())
    with pytest.raises(BackendError, match="before it was shown the truth"):
        model.encode_texts(texts("a"), "query")
    with pytest.raises(BackendError, match="call reveal"):
        model.score_pairs([])


def test_composed_queries_stand_on_the_query_side() -> None:
    model = oracle({"q": frozenset({"c"})})
    assert np.array_equal(
        model.encode_composed([ComposedItem("q", PIXEL, "")]), model.encode_texts(texts("q"), "query")
    )

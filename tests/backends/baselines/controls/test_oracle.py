from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import BackendError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.controls.oracle import Oracle

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


def test_the_oracle_says_the_truth_and_nothing_before_it_is_shown() -> None:
    model = Oracle(context())
    items = [ImageItem("a", PIXEL), ImageItem("b", PIXEL)]
    with pytest.raises(BackendError, match="before it was shown the truth"):
        model.caption(items, "")
    model.reveal(Truth(positives={"q": frozenset({"a"})}, captions={"a": "red", "b": "blue"}))
    assert model.caption(items[::-1], "") == ["blue", "red"]
    query = model.encode_texts([TextItem("q", "")], "query")
    assert (query @ model.encode_images(items, "candidate").T).argmax() == 0
    with pytest.raises(BackendError, match="no caption of c"):
        model.caption([ImageItem("c", PIXEL)], "")

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.data.ground_truth import Truth
from fashionbench.data.info import DataInfo
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.errors import DataError
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.specs import BackendSpec
from fashionbench_tasks.retrieval.fold import Fold, check_fold
from fashionbench_tasks.retrieval.task import Retrieval

SPEC = BackendSpec(
    id="t/given", summary="", target="a:b", revision="1", capabilities=frozenset({"encode-image", "encode-text"})
)


class Given:
    """Embeds each text as the vector that its id names."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode_images(self, items, role):
        raise AssertionError("there are no images here")

    def encode_texts(self, items, role):
        return np.stack([self.vectors[role, item.id] for item in items])


def texts(*names):
    return [TextItem(name, name) for name in names]


def predict(plugins, fold, vectors, **options):
    spec = plugins.tasks["toy/squares"]
    task = Retrieval(spec, DataInfo("x", {}), lambda: [fold])
    return task.predict(
        Session(SPEC, lambda: Given(vectors), owner=EmbeddingOwner(identity="x"), seed=0, **options)
    ).table.to_pydict()


def test_excluded_candidates_are_not_ranked_and_clusters_are_kept(plugins):
    gallery = {name: np.array(v, float) for name, v in {"a": (1, 0), "b": (0.9, 0.4), "c": (0, 1)}.items()}
    vectors = {("candidate", name): v for name, v in gallery.items()} | {("query", "q"): np.array([1.0, 0.0])}
    fold = Fold(
        name="f", queries=texts("q"), gallery=texts("a", "b", "c"), positives={"q": ["b"]}, exclude={"q": ["a", "absent"]},
        clusters={"q": "reference-7"},
    )  # fmt: skip
    row = predict(plugins, fold, vectors)
    assert row["better"] == [[0]]
    assert row["n_candidates"] == [2]
    assert row["top_ids"] == [["b", "c"]]
    assert row["cluster"] == ["reference-7"]
    fold = Fold(name="f", queries=texts("q"), gallery=texts("a", "b", "c"), positives={"q": ["b"]})
    assert predict(plugins, fold, vectors)["better"] == [[1]]


def test_lost_queries_stand_in_the_predictions_unless_the_run_is_limited(plugins):
    vectors = {("candidate", "a"): np.ones(2), ("query", "q"): np.ones(2)}
    fold = Fold(name="f", queries=texts("q"), gallery=texts("a"), positives={"q": ["a"]}, unavailable=("gone",))
    assert predict(plugins, fold, vectors)["query_id"] == ["q", "gone"]
    assert predict(plugins, fold, vectors)["positive_ids"] == [["a"], []]
    assert predict(plugins, fold, vectors, limit=1)["query_id"] == ["q"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positives": {"q": ["z"]}}, "the positive 'z' of query 'q' is not in the gallery"),
        ({"gallery": texts("a", "b", "a")}, "holds 'a' twice"),
        ({"queries": texts("q", "q")}, "one id"),
    ],
)
def test_a_fold_that_contradicts_itself_is_refused(plugins, change, words):
    fields = {"name": "f", "queries": texts("q"), "gallery": texts("a", "b"), "positives": {"q": ["a"]}} | change
    with pytest.raises(DataError, match=words):
        predict(plugins, Fold(**fields), {})


def test_an_empty_gallery_is_refused(plugins):
    with pytest.raises(DataError, match="fold f has an empty gallery"):
        predict(plugins, Fold(name="f", queries=texts("q"), gallery=[], positives={}), {})


def test_mixed_items_are_refused(plugins):
    from PIL import Image

    from fashionbench.errors import BackendError

    session = Session(SPEC, lambda: Given({}), owner=EmbeddingOwner(identity="x"), seed=0)
    with session.fold(None, Truth()) as answers, pytest.raises(BackendError, match="cannot be embedded with the rest"):
        answers.embed([TextItem("a", "a"), ImageItem("b", Image.new("RGB", (1, 1)))], "query")


def fold(**changes):
    fields = {"name": "f", "queries": texts("q", "r"), "gallery": texts("a", "b", "c"), "positives": {"q": ["a"]}}
    return Fold(**fields | changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positives": {"q": ["a", "a"]}}, "the positives of query 'q' hold 'a' twice"),
        ({"exclude": {"q": ["a"]}}, "the positive 'a' of query 'q' is also excluded"),
        ({"candidates": {"q": ["a"]}}, "there is no list of candidates of query 'r'"),
        ({"candidates": {"q": ["b", "c"], "r": ["b"]}}, "the positive 'a' of query 'q' is not among its candidates"),
        ({"candidates": {"q": ["a", "z"], "r": ["b"]}}, "the candidate 'z' of query 'q' is not in the gallery"),
        ({"candidates": {"q": ["a", "b", "b"], "r": ["b"]}}, "the candidates of query 'q' hold 'b' twice"),
        ({"order": ("q",)}, "the order does not hold every query once"),
        ({"order": ("q", "r", "q")}, "the order does not hold every query once"),
    ],
)
def test_lists_that_contradict_each_other_are_named_by_their_ids(plugins, change, words):
    with pytest.raises(DataError, match=words):
        predict(plugins, fold(**change), {})


def test_a_query_of_whose_candidates_none_is_there_is_a_miss(plugins):
    vectors = {("candidate", name): np.array([1.0, 0]) for name in "abc"} | {("query", "q"): np.array([1.0, 0])}
    made = fold().among("f", {"q": ["a", "b"], "r": ["gone"]})
    assert made.unavailable == ("r",)
    row = predict(plugins, made, vectors)
    assert row["query_id"] == ["q", "r"]
    assert row["positive_ids"] == [["a"], []]
    # Not none: the rank of a miss is one behind the last candidate, and would be the first.
    assert row["n_candidates"] == [2, 3]


def test_rows_keep_the_order_of_the_task(plugins):
    vectors = {("candidate", name): np.ones(2) for name in "abc"} | {("query", name): np.ones(2) for name in "qr"}
    made = fold(unavailable=("gone", "lost"), order=("lost", "q", "gone", "r"))
    assert predict(plugins, made, vectors)["query_id"] == ["lost", "q", "gone", "r"]


def test_checks_are_linear_in_the_length_of_their_lists():
    """Counted by comparisons, not by the clock: every name is hashed a few times and compared with none."""

    class Name(str):
        compared = 0
        __slots__ = ()

        def __eq__(self, other):
            Name.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    names = [Name(f"n{i}") for i in range(2000)]
    sources = [TextItem(name, "x") for name in names]
    check_fold(
        Fold(
            name="f",
            queries=sources,
            gallery=sources,
            positives={n: [n] for n in names},
            exclude={n: [] for n in names},
        )
    )
    assert Name.compared < 20 * len(names)

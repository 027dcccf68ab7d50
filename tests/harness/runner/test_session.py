from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import DesignItem, ImageItem, PairItem, StyleTransferItem, TextItem, TryOnItem
from fashionbench.errors import BackendError
from fashionbench.runner.batching import BatchSize, out_of_memory
from fashionbench.runner.device import resolve_device
from fashionbench.runner.embedding_cache import EmbeddingCache, embedding_key
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.specs import BackendSpec


def session(backend, *capabilities, **more):
    spec = BackendSpec(
        id="t/x",
        summary="",
        target="a:b",
        revision="1",
        capabilities=frozenset(capabilities),
        privileged=more.pop("privileged", False),
    )
    advance = more.pop("advance", None)
    resources = SessionResources(advance=lambda count, kind: advance(count)) if advance else None
    return Session(spec, lambda: backend, owner=EmbeddingOwner(identity="x"), seed=0, resources=resources, **more)


def picture(size=(6, 4)):
    return Image.new("RGB", size, "white")


class Everything:
    """Answers every generative capability in a way that can be checked by hand."""

    def score_pairs(self, items):
        return [len(item.query.text) - len(item.candidate.text) for item in items]

    def caption(self, items, instruction):
        return [f"{instruction} {item.id}" for item in items]

    def try_on(self, items):
        return [np.full((item.person.height, item.person.width, 3), len(item.id), np.uint8) for item in items]

    def design(self, items):
        return np.stack([np.zeros((item.person.height, item.person.width, 3), np.uint8) for item in items])

    def transfer_style(self, items):
        return [np.full((item.garment.height, item.garment.width, 3), len(item.text), np.uint8) for item in items]


def test_every_capability_goes_through_the_session():
    done = []
    kinds = ("score-pairs", "caption", "try-on", "design", "style-transfer")
    made = session(Everything(), *kinds, batch_size=2, advance=done.append)
    with made.fold(None, Truth()) as answers:
        pairs = [PairItem(str(i), TextItem("q", "x" * i), TextItem("c", "xx")) for i in range(5)]
        assert answers.score(pairs).tolist() == [-2, -1, 0, 1, 2]
        images = [ImageItem(str(i), picture()) for i in range(3)]
        assert answers.caption(images, "Describe") == ["Describe 0", "Describe 1", "Describe 2"]
        persons = [TryOnItem("a" * i, picture((6 + i, 4)), picture()) for i in range(1, 4)]
        results = dict(answers.try_on(persons))
        assert {name: (image.shape, image[0, 0, 0]) for name, image in results.items()} == {
            "a": ((4, 7, 3), 1), "aa": ((4, 8, 3), 2), "aaa": ((4, 9, 3), 3),
        }  # fmt: skip
        assert len(list(answers.design([DesignItem("d", picture(), "a dress", None)]))) == 1
        ((name, image),) = answers.transfer_style([StyleTransferItem("s", picture((7, 5)), picture(), "red")])
        assert (name, image.shape, image[0, 0, 0]) == ("s", (5, 7, 3), 3)
    assert sum(done) == made.counts.items == 13
    assert made.can("caption", "try-on")
    assert not made.can("encode-text")


@pytest.mark.parametrize(
    ("method", "result", "words"),
    [
        ("caption", ["one"], "1 texts for 2 items"),
        ("caption", "text", "str for 2 items"),
        ("caption", ["one", None], "something else than text for b"),
        ("try_on", np.zeros((1, 4, 6, 3), np.uint8), "did not return one image"),
        ("try_on", np.zeros((2, 4, 6, 3)), "float64"),
        ("try_on", np.zeros((2, 6, 4, 3), np.uint8), r"\(6, 4, 3\) for a"),
        ("transfer_style", np.zeros((2, 8, 9, 3), np.uint8), r"\(8, 9, 3\) for a"),
        ("score_pairs", np.zeros((2, 2)), "shape"),
        ("score_pairs", ["a", "b"], "float"),
        ("score_pairs", [np.nan, 0], "NaN or infinity for a"),
    ],
)
def test_answers_that_break_the_contract_are_refused(method, result, words):
    backend = Everything()
    setattr(backend, method, lambda *arguments: result)
    made = session(backend, "score-pairs", "caption", "try-on", "design", "style-transfer")
    with made.fold(None, Truth()) as answers, pytest.raises(BackendError, match=words):
        if method == "caption":
            answers.caption([ImageItem("a", picture()), ImageItem("b", picture())], "")
        elif method == "transfer_style":
            list(answers.transfer_style([StyleTransferItem(n, picture(), picture((9, 8))) for n in "ab"]))
        elif method == "try_on":
            list(answers.try_on([TryOnItem("a", picture(), picture()), TryOnItem("b", picture(), picture())]))
        else:
            answers.score([PairItem(n, TextItem(n, ""), TextItem(n, "")) for n in "ab"])


def test_only_a_privileged_control_is_shown_the_truth():
    class Told(Everything):
        truth = None

        def reveal(self, truth):
            self.truth = truth

    for privileged in (True, False):
        backend = Told()
        with session(backend, "caption", privileged=privileged).fold(None, Truth({"q": frozenset({"c"})})):
            assert (backend.truth is not None) == privileged


def test_memory_that_does_not_suffice_for_one_item_is_an_error():
    def begin(_at, batch, _following):
        raise MemoryError

    with pytest.raises(BackendError, match="batch of one item"):
        list(BatchSize(4, "cpu").run([1, 2, 3], begin))
    assert out_of_memory(RuntimeError("CUDA out of memory"))
    assert not out_of_memory(RuntimeError("shape mismatch"))


def test_an_error_that_is_not_about_memory_is_not_retried():
    calls = []

    def begin(_at, batch, _following):
        calls.append(len(batch))
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape"):
        list(BatchSize(None, "cuda:1").run(range(1000), begin))
    assert calls == [256]


def test_the_cache_gives_back_what_it_was_given(tmp_path):
    cache = EmbeddingCache(tmp_path / "c.sqlite")
    keys = [embedding_key("owner", "encode-image", "query", bytes([i])) for i in range(3)]
    rows = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    assert cache.get(keys) is None
    cache.put(keys[:2], rows[:2])
    assert cache.get(keys) is None
    cache.put(keys, rows)
    cache.close()
    again = EmbeddingCache(tmp_path / "c.sqlite")
    np.testing.assert_array_equal(np.stack(again.get(keys)), rows)
    again.close()


def test_keys_tell_owner_capability_role_and_item_apart():
    parts = [("a", "b"), ("encode-image", "encode-text"), ("query", "candidate"), (b"1", b"2")]
    keys = {embedding_key(o, c, r, i) for o in parts[0] for c in parts[1] for r in parts[2] for i in parts[3]}
    assert len(keys) == 16


def test_a_device_that_was_asked_for_is_taken():
    assert resolve_device("cuda:3") == "cuda:3"
    assert resolve_device("auto") in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (np.ma.masked_array([1.0, 2.0], mask=[True, False]), "masked array"),
        (lambda: __import__("torch").ones(2, requires_grad=True), "no NumPy array"),
        (lambda: __import__("torch").ones(2).bfloat16(), "no NumPy array"),
    ],
)
def test_what_is_no_plain_array_is_refused_with_what_to_return(result, words):
    backend = Everything()
    backend.score_pairs = lambda items: result() if callable(result) else result
    made = session(backend, "score-pairs")
    with made.fold(None, Truth()) as answers, pytest.raises(BackendError, match=words) as caught:
        answers.score([PairItem(n, TextItem(n, ""), TextItem(n, "")) for n in "ab"])
    assert caught.value.remedy

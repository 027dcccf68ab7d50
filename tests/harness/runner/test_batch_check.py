"""An answer must not depend on the items that were asked for beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import toy_plugin
from PIL import Image

from fashionbench import Board, api
from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ImageItem, PairItem, TextItem, TryOnItem
from fashionbench.runner.batch_check import chosen
from fashionbench.runner.embedding_cache import EmbeddingCache
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.specs import BackendSpec

ALL = frozenset({"encode-image", "encode-text", "score-pairs", "caption", "try-on"})
SPEC = BackendSpec(id="t/x", summary="", target="a:b", revision="1", capabilities=ALL)


class Model:
    """Answers by content; ``leak`` says what of its batch each answer depends on, which is nothing here."""

    def __init__(self):
        self.sizes = []

    def leak(self, rows):
        return np.zeros(len(rows))

    def _with_leak(self, rows):
        self.sizes.append(len(rows))
        rows = np.asarray(rows, dtype=float)
        return rows + self.leak(rows).reshape(-1, *[1] * (rows.ndim - 1))

    def fingerprint(self):
        return type(self).__name__

    def encode_images(self, items, role):
        return self._with_leak([[*item.image.getpixel((0, 0)), 1.0] for item in items])

    def encode_texts(self, items, role):
        return self._with_leak([[len(item.text), 1.0] for item in items])

    def score_pairs(self, items):
        return self._with_leak([len(item.query.text) * len(item.candidate.text) for item in items])

    def caption(self, items, instruction):
        return [f"{value:.0f}" for value in self._with_leak([item.image.getpixel((0, 0))[0] for item in items])]

    def try_on(self, items):
        pixels = self._with_leak([np.asarray(item.person) for item in items])
        return [image.clip(0, 255).astype(np.uint8) for image in pixels]


class CentredByBatch(Model):
    def leak(self, rows):
        return -np.full(len(rows), rows.mean())


class CountsItsBatch(Model):
    def leak(self, rows):
        return np.full(len(rows), 3.0 * len(rows))


class ByPosition(Model):
    """The first of a batch is another, as with padding to the longest."""

    def leak(self, rows):
        return 20.0 * (np.arange(len(rows)) == 0)


class ByCall(Model):
    """Each call is another, as with dropout that was left on."""

    def leak(self, rows):
        return np.full(len(rows), 20.0 * len(self.sizes))


class RowsAreReversed(Model):
    def _with_leak(self, rows):
        return super()._with_leak(rows)[::-1]


LEAKS = [CentredByBatch, CountsItsBatch, ByPosition, ByCall, RowsAreReversed]
IMAGES = [ImageItem(f"i{n}", Image.new("RGB", (4, 4), (10 * n, 5, 90))) for n in range(20)]
TEXTS = [TextItem(f"t{n}", "x" * (n + 1)) for n in range(20)]
ASKS = {
    "encode_images": lambda bound: bound.embed(IMAGES, "query"),
    "encode_texts": lambda bound: bound.embed(TEXTS, "candidate"),
    "score_pairs": lambda bound: bound.score([PairItem(one.id, one, one) for one in TEXTS]),
    "caption": lambda bound: bound.caption(IMAGES, "say"),
    "try_on": lambda bound: list(bound.try_on([TryOnItem(one.id, one.image, one.image) for one in IMAGES])),
}


def session(backend, batch_size=8, **resources):
    return Session(
        SPEC, lambda: backend, owner=EmbeddingOwner(identity="x"), seed=0, batch_size=batch_size,
        resources=SessionResources(**resources),
    )  # fmt: skip


def findings(backend, ask, **more):
    made = session(backend, **more)
    with made.fold(None, Truth()) as bound:
        ask(bound)
    return [finding.message for finding in made.batch_findings]


@pytest.mark.parametrize("batch_size", [1, 2, 8, 64])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_model_that_answers_by_content_has_no_finding(ask, batch_size):
    model = Model()
    assert findings(model, ask, batch_size=batch_size) == []
    # It was asked: once more than all items take, for no more than a handful.
    assert sum(model.sizes) - 20 in range(1, 4)


@pytest.mark.parametrize("leaky", LEAKS)
@pytest.mark.parametrize("method", ASKS)
def test_a_leak_is_found_with_its_size_in_each_kind_of_answer(method, leaky):
    (message,) = findings(leaky(), ASKS[method])
    assert message.startswith(f"{method} depends on the batch: ")
    assert "%" in message


@pytest.mark.parametrize("leaky", [CentredByBatch, CountsItsBatch, ByCall])
def test_batches_of_one_item_are_compared_too(leaky):
    for method in ("encode_images", "score_pairs"):
        assert len(findings(leaky(), ASKS[method], batch_size=1)) == 1


def test_the_size_of_the_difference_is_that_of_the_vectors():
    # Batches of 8, 8 and 4 add three times their size in every place, and the batch of three adds 9.
    far = []
    for number, added in {0: 24, 10: 24, 19: 12}.items():
        vector = np.array([10.0 * number, 5.0, 90.0, 1.0])
        one, two = vector + added, vector + 9
        far.append(np.linalg.norm(one - two) / max(np.linalg.norm(one), np.linalg.norm(two)))
    (message,) = findings(CountsItsBatch(), ASKS["encode_images"])
    assert f"{max(far):.2%}" in message
    assert "i19, i10, i0" in message


@pytest.mark.parametrize("count", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("size", [1, 2, 3, 32])
def test_those_that_are_asked_again_are_never_a_whole_batch_of_before(count, size):
    at = chosen("encode-image", count, size)
    assert len(set(at)) == len(at) == min(3 if size > 2 else 2, count - 1)
    assert at == sorted(at, reverse=True)
    assert all(0 <= position < count for position in at)


def test_generated_images_of_a_small_set_are_not_made_again():
    model = Model()
    few = [TryOnItem(one.id, one.image, one.image) for one in IMAGES[:15]]
    assert findings(model, lambda bound: list(bound.try_on(few))) == []
    assert sum(model.sizes) == 15


def test_a_backend_that_fails_in_another_batch_keeps_its_numbers(plugins, store, monkeypatch):
    whole = toy_plugin.Colour.encode_images

    def only_eight(self, items, role):
        if len(items) != 8:
            raise ValueError("static shapes")
        return whole(self, items, role)

    monkeypatch.setattr(toy_plugin.Colour, "encode_images", only_eight)
    (record,) = api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"]}, plugins=plugins, store=store)
    assert record.status == "ok"
    (finding,) = record.policy
    assert finding.kind == "batch"
    assert finding.message == (
        "encode_images fails in another batch (image-brown, image-black, image-red): ValueError: static shapes"
    )


def test_where_memory_runs_out_there_is_no_other_batch():
    class Small(Model):
        def encode_images(self, items, role):
            if len(items) > 1:
                raise MemoryError
            return super().encode_images(items, role)

    assert findings(Small(), ASKS["encode_images"]) == []


def test_a_run_that_takes_all_from_the_cache_says_what_was_found(tmp_path):
    for leaky, count in ((CentredByBatch, 1), (Model, 0)):
        path = tmp_path / f"{leaky.__name__}.sqlite"
        cache = EmbeddingCache(path)
        first = findings(leaky(), ASKS["encode_images"], cache=cache)
        again = leaky()
        assert findings(again, ASKS["encode_images"], cache=cache) == first
        assert again.sizes == []
        assert len(first) == count
        cache.close()


@pytest.mark.parametrize(
    "change", ["'{'", "replace(said, '\"size\": 0', '\"size\": 9')", "replace(said, 'i19', 'i18')"]
)
def test_a_note_that_is_damaged_is_made_again(tmp_path, change):
    path = tmp_path / "cache.sqlite"
    cache = EmbeddingCache(path)
    findings(Model(), ASKS["encode_images"], cache=cache)
    cache.close()
    with sqlite3.connect(path) as base:
        base.execute(f"UPDATE fingerprint SET said = {change}")
    cache = EmbeddingCache(path)
    assert findings(model := Model(), ASKS["encode_images"], cache=cache) == []
    assert model.sizes == [3]
    cache.close()


def test_the_board_marks_it_and_says_how_much(plugins, store, monkeypatch):
    whole = toy_plugin.Colour.encode_images

    def centred(self, items, role):
        rows = whole(self, items, role)
        return rows - 0.5 * rows.mean(axis=0)

    monkeypatch.setattr(toy_plugin.Colour, "encode_images", centred)
    (record,) = api.run({"tasks": ["toy/squares"], "backends": ["toy/colour"]}, plugins=plugins, store=store)
    (row,) = Board.of(plugins.boards["toy"], store, plugins).tables[0].rows
    assert "batch-dependent" in row.marks
    assert row.values[0].note == record.policy[0].message
    assert "encode_images depends on the batch: " in row.values[0].note


class Rounded(Model):
    """In a type of two bytes: neighbours change the last digits of an answer, or as much as ``far`` says."""

    far = 0.002

    def __init__(self, dtype):
        super().__init__()
        self.preprocessing = {"dtype": dtype}

    def fingerprint(self):
        return f"{self.preprocessing}{self.far}"

    def encode_images(self, items, role):
        self.sizes.append(len(items))
        return np.tile([[1.0, self.far * len(self.sizes)]], (len(items), 1))


@pytest.mark.parametrize(
    ("dtype", "far", "is_found"),
    [
        ("float32", 0.002, True), ("float16", 0.002, False), ("torch.float16", 0.002, False), ("fp16", 0.002, False),
        ("float16", 0.01, True), ("bfloat16", 0.01, False), ("bfloat16", 0.03, True), ("float64", 0.002, True),
    ],
)  # fmt: skip
def test_what_rounding_explains_is_no_finding_and_is_recorded(dtype, far, is_found, tmp_path):
    model = Rounded(dtype)
    model.far = far
    owner = EmbeddingOwner(identity="x", known_weights=True)
    for _ in range(2):  # asked, and as the cache noted it
        with closing(EmbeddingCache(tmp_path / "cache.sqlite")) as cache:
            made = Session(SPEC, lambda: model, owner=owner, seed=0, resources=SessionResources(cache=cache))
            with made.fold(None, Truth()) as bound:
                ASKS["encode_images"](bound)
            assert bool(made.batch_findings) == is_found
            rounded = dtype not in {"float32", "float64"}
            if rounded and is_found:
                assert "and rounding of" in made.batch_findings[0].message
            said = made.preprocessing.get("batches, encode-image", "")
            assert (f"{far / np.hypot(1, 2 * far):.2%} of the length of an embedding differ" in said) == rounded

"""Each image and each text is embedded once, unless the backend declares that roles differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.file_index import FileIndex
from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import BackendError
from fashionbench.runner.embedding_cache import EmbeddingCache
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.specs import BackendSpec

SPEC = BackendSpec(
    id="t/x", summary="", target="a:b", revision="1", capabilities=frozenset({"encode-image", "encode-text"})
)


class Encoder:
    """Embeds by content, and keeps how many items each call had."""

    def __init__(self, shift=0.0):
        self.calls = []
        self.shift = shift

    def encode_images(self, items, role):
        self.calls.append(("image", role, len(items)))
        rows = np.array([[*item.image.getpixel((0, 0)), 1.0] for item in items])
        return rows + (self.shift if role == "query" else 0.0) * np.array([1, -1, 1, 0])

    def encode_texts(self, items, role):
        self.calls.append(("text", role, len(items)))
        return np.array([[len(item.text), 1.0, 0.0, 0.0] for item in items])


def session(backend, spec=SPEC, **resources):
    return Session(
        spec, lambda: backend, owner=EmbeddingOwner(identity="x"), seed=0, batch_size=4,
        resources=SessionResources(**resources),
    )  # fmt: skip


def items(count=8):
    images = [ImageItem(f"i{n}", Image.new("RGB", (4, 4), (10 * n, 5, 90))) for n in range(count)]
    return images, [TextItem(f"t{n}", "x" * (n + 1)) for n in range(count)]


def both_directions(made):
    images, texts = items()
    rows = []
    for gallery, queries in ((texts, images), (images, texts)):
        with made.fold(None, Truth()) as bound:
            rows.append(bound.embed_sides([(gallery, "candidate"), (queries, "query")]))
    return rows


def test_a_task_of_two_directions_embeds_each_item_once_also_without_a_fingerprint():
    backend = Encoder()
    there, back = both_directions(session(backend))
    np.testing.assert_array_equal(there[0], back[1])
    np.testing.assert_array_equal(there[1], back[0])
    # Four batches, one item of each kind to see that its role makes no difference, and three that a batch makes none.
    assert sorted(call[2] for call in backend.calls) == [1, 1, 3, 3, 4, 4, 4, 4]


def test_a_backend_whose_roles_differ_embeds_each_role():
    backend = Encoder(shift=60.0)
    there, back = both_directions(session(backend, dataclasses.replace(SPEC, roles_differ=True)))
    assert not np.array_equal(there[1], back[0])
    assert sorted(call[2] for call in backend.calls) == [*[3] * 4, *[4] * 8]


def test_a_backend_whose_roles_differ_and_that_does_not_say_so_is_refused():
    with pytest.raises(BackendError, match="declare roles_differ=True"):
        both_directions(session(Encoder(shift=60.0)))


def test_the_first_batch_of_each_side_comes_first():
    backend = Encoder()
    images, texts = items()
    with session(backend).fold(None, Truth()) as bound:
        gallery, asked = bound.embed_sides([(images, "candidate"), (texts, "query")])
    assert [call[0] for call in backend.calls] == ["image", "text"] * 3
    assert gallery[:, 0].tolist() == [10.0 * n for n in range(8)]
    assert asked[:, 0].tolist() == [n + 1.0 for n in range(8)]


def test_what_was_announced_is_what_is_done():
    expected, done = {}, {}
    made = session(
        Encoder(),
        expect=lambda kind, count: expected.update({kind: expected.get(kind, 0) + count}),
        advance=lambda count, kind: done.update({kind: done.get(kind, 0) + count}),
    )
    images, texts = items()
    made.expect_embeddings([[(texts, "candidate"), (images, "query")], [(images, "candidate"), (texts[:3], "query")]])
    both_directions(made)
    assert expected == done == {"encode-image": 8, "encode-text": 8}


def test_fitting_counts_each_example_once_whatever_is_read():
    class Learner(Encoder):
        def fit(self, training, seed):
            for _ in range(2):
                [pair.text for pair in training.pairs[:5]]
            assert training.pairs[-1].product == "p7"

    done = {}
    expected = {}
    made = session(
        Learner(), dataclasses.replace(SPEC, fits=True),
        expect=lambda kind, count: expected.update({kind: count}),
        advance=lambda count, kind: done.update({kind: done.get(kind, 0) + count}),
    )  # fmt: skip
    images, texts = items()
    data = TrainingData("all", pairs=[Pair(i, t, f"p{n}") for n, (i, t) in enumerate(zip(images, texts, strict=True))])
    made.expect_fit([data])
    with made.fold(data, Truth()):
        pass
    assert expected == done == {"fit": 8}


@pytest.fixture
def photos(tmp_path):
    for number in range(4):
        Image.new("RGB", (4, 4), (40 * number, 5, 90)).save(tmp_path / f"{number}.png")
    return [ImageFile(str(number), tmp_path / f"{number}.png") for number in range(4)]


def test_an_embedding_of_a_file_is_found_again_without_decoding_it(photos, tmp_path, monkeypatch):
    cache = EmbeddingCache(tmp_path / "cache.sqlite")
    index = FileIndex()
    index.look([photo.path for photo in photos], decode_images=False)
    backend = Encoder()
    backend.fingerprint = lambda: "1"
    with session(backend, cache=cache, index=index).fold(None, Truth()) as bound:
        first = bound.embed(photos, "candidate")
    monkeypatch.setattr(ImageFile, "open", None)
    again = session(backend, cache=cache, index=index)
    with again.fold(None, Truth()) as bound:
        np.testing.assert_array_equal(bound.embed(photos, "query"), first)
    assert again.counts.cached == 4
    assert [call[2] for call in backend.calls] == [4, 3]
    cache.close()


def test_a_file_that_changed_is_embedded_again(photos, tmp_path):
    cache = EmbeddingCache(tmp_path / "cache.sqlite")
    backend = Encoder()
    backend.fingerprint = lambda: "1"
    rows = []
    for red in (0, 200):
        Image.new("RGB", (4, 4), (red, 5, 90)).save(photos[0].path)
        index = FileIndex()
        index.look([photo.path for photo in photos], decode_images=False)
        with session(backend, cache=cache, index=index).fold(None, Truth()) as bound:
            rows.append(bound.embed(photos, "candidate")[0, 0])
    assert rows == [0.0, 200.0]
    cache.close()

"""What a backend may not do to its input, and what it may return."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem, PairItem, TextItem
from fashionbench.errors import BackendError
from fashionbench.runner.guard import InputGuard, checked_embeddings, checked_images, checked_scores

ROWS = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def items():
    return [ImageItem(name, Image.new("RGB", (2, 2))) for name in ("a", "b")]  # of one content


def rename(item):
    object.__setattr__(item, "id", "c")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda items: rename(items[1]), r"changed the ids of its items \(b\)"),
        (lambda items: items.reverse(), r"changed the list of its items \(a, b\)"),
        (lambda items: items.clear(), "changed the list of its items"),
        (lambda items: items.append(items[0]), "changed the list of its items"),
        (lambda items: items.__setitem__(0, ImageItem("a", items[0].image)), "changed the list of its items"),
        (lambda items: items[0].image.putpixel((0, 0), (9, 9, 9)), r"changed its input \(a\)"),
    ],
)
def test_ids_and_the_list_are_guarded_as_contents_are(items, change, said):
    guard = InputGuard(items)
    guard.verify("encode_images")
    change(items)
    with pytest.raises(BackendError, match=said):
        guard.verify("encode_images")


def test_both_sides_of_a_pair_are_guarded():
    pair = PairItem("p", TextItem("q", "x"), TextItem("c", "y"))
    guard = InputGuard([pair])
    rename(pair.candidate)
    guard.verify("score_pairs")  # the same id again
    rename(pair.query)
    with pytest.raises(BackendError, match=r"changed the ids of its items \(p\)"):
        guard.verify("score_pairs")


class Unit(np.ndarray):
    """An array with a meaning of its own, which np.asarray drops."""


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (np.ma.masked_greater(ROWS, 4), "a masked array"),
        ([np.ma.masked_greater(row, 4) for row in ROWS], "a masked array"),
        (ROWS.view(Unit), "a Unit, which is a kind"),
        ([row.view(Unit) for row in ROWS], "a Unit, which is a kind"),
        (ROWS > 2, "ndarray of bool"),
        (ROWS.astype(complex), "ndarray of complex128"),
        (ROWS.astype(object), "ndarray of object"),
        (ROWS.astype(str), "ndarray of <U32"),
    ],
)
def test_what_is_more_or_less_than_numbers_is_refused(items, result, said):
    with pytest.raises(BackendError, match=said):
        checked_embeddings("encode_images", result, items)
    with pytest.raises(BackendError, match=said):
        checked_scores("score_pairs", result, items)


def taken(items, result):
    found = checked_embeddings("encode_images", result, items)
    assert type(found) is np.ndarray
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)


def test_arrays_and_lists_are_taken_as_they_are(items, tmp_path):
    kept = np.memmap(tmp_path / "rows", dtype=np.float64, mode="w+", shape=ROWS.shape)
    kept[:] = ROWS
    for result in (ROWS, ROWS.astype(np.float16), ROWS.astype(int), ROWS.tolist(), list(ROWS), kept):
        taken(items, result)


def test_tensors_are_taken_where_numpy_reads_them_and_else_refused(items):
    torch = pytest.importorskip("torch", reason="torch, whose tensors are returned")
    rows = torch.tensor(ROWS)
    taken(items, rows)
    taken(items, list(rows))
    for wrong in (rows.clone().requires_grad_(), rows.bfloat16(), rows.to_sparse()):
        with pytest.raises(BackendError, match=r"return (tensor.detach\(\).float\(\)|a NumPy array of floats)"):
            checked_embeddings("encode_images", wrong, items)


def test_images_with_a_mask_or_a_meaning_of_their_own_are_refused(items):
    image = np.zeros((2, 2, 3), np.uint8)
    for wrong in (np.ma.masked_array(image), image.view(Unit)):
        with pytest.raises(BackendError, match=r"a masked array|a Unit"):
            checked_images("try_on", [image, wrong], items, [(2, 2)] * 2)
    taken = checked_images("try_on", [image, Image.fromarray(image)], items, [(2, 2)] * 2)
    assert [one.shape for one in taken] == [(2, 2, 3)] * 2

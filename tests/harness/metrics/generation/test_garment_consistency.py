"""Garment consistency: what is compared, by an extractor whose features are the mean colour, and what it needs."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from stored_rows import Data, access, row

from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation import metrics
from fashionbench.metrics.generation.garment_consistency import hits_among, on_white_square, worn_region
from fashionbench.metrics.generation.metrics import garment_consistency_efficientnet_lite0 as consistency
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.images import images_table

RED, BLUE, GREEN = (200, 0, 0), (0, 0, 200), (0, 200, 0)
MASK = np.zeros((8, 6), dtype=bool)
MASK[2:5, 1:4] = True


class Colours:
    """Sums of colour: red, green, blue, less white's share."""

    id = "efficientnet-lite0"
    fingerprint = "colours"
    published = "colours"

    def features(self, images):
        return np.asarray([(255 - image.astype(np.float32)).sum(axis=(0, 1)) for image in images])


class Registered:
    FASHIONBENCH_API = (1, 0)

    @hookimpl
    def load_extractor(self, name):
        return Colours() if name == Colours.id else None


class Wardrobe(Data):
    """Garments and masks by the id of an item."""

    def __init__(self, garments, masks):
        super().__init__()
        self.garments, self.masks = garments, masks

    def garment(self, item_id):
        return self.garments[item_id]

    def mask(self, item_id):
        return self.masks[item_id]


@pytest.fixture
def plugins():
    made = Plugins(points=[])
    made.register(Registered())
    return made


def flat(colour):
    return np.full((8, 6, 3), colour, dtype=np.uint8)


def dressed(colour, around=GREEN):
    """A person in a green world, with a colour within the mask."""
    return np.where(MASK[..., None], np.asarray(colour, dtype=np.uint8), flat(around))


def measured(store, plugins, images, garments, *, mask=True, garment=True, without=(), metric=consistency):
    masks = dict.fromkeys(images, MASK)
    rows = [
        dataclasses.replace(
            row(store, name, pixels),
            mask=pixel_hash(MASK) if mask else "",
            garment=pixel_hash(garments[name]) if garment else "",
        )
        for name, pixels in images.items()
    ]
    table = images_table(rows)
    seen = access(table, store, Wardrobe(garments, masks), plugins)
    return metric(table.drop_columns(list(without)), MetricArguments((), {}, seen))


def test_it_is_the_cosine_of_photo_and_worn_region_whatever_is_around(store, plugins):
    images = {"same": dressed(RED), "other": dressed(BLUE)}
    outcome = measured(store, plugins, images, dict.fromkeys(images, flat(RED)))
    # 255 - colour: (55, 255, 255) for red, (255, 255, 55) for blue; white counts nothing.
    one, two = np.array([55, 255, 255]), np.array([255, 255, 55])
    expected = one @ two / (one @ one)
    assert outcome.values.tolist() == pytest.approx([1, expected])
    assert outcome.weights == "colours"
    around = measured(store, plugins, {"other": dressed(BLUE, around=RED)}, {"other": flat(RED)})
    assert around.values.tolist() == pytest.approx([expected])


def test_a_region_is_the_box_of_the_mask_on_a_white_square():
    image = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    mask = np.zeros((8, 6), dtype=bool)
    mask[1:6, 2] = mask[3, 2:5] = True
    region = worn_region(image, mask, "a")
    assert region.shape == (5, 5, 3)
    # Three columns in the middle of five: one white column on each side.
    assert (region[:, [0, 4]] == 255).all()
    np.testing.assert_array_equal(region[:, 1], image[1:6, 2])
    np.testing.assert_array_equal(region[2, 1:4], image[3, 2:5])
    assert (region[[0, 1, 3, 4], 2:4] == 255).all()


@pytest.mark.parametrize(("shape", "square"), [((3, 7), 7), ((7, 3), 7), ((4, 4), 4), ((1, 2), 2)])
def test_a_square_holds_the_whole_image(shape, square):
    image = np.zeros((*shape, 3), dtype=np.uint8)
    found = on_white_square(image)
    assert found.shape == (square, square, 3)
    assert (found == 0).all(axis=2).sum() == shape[0] * shape[1]


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"mask": False}, "needs the mask of every image, and the data set has none"),
        ({"garment": False}, "needs the garment of every image, and the data set has none"),
        ({"without": ("garment",)}, "do not say which photos of garments were shown"),
    ],
)
def test_without_mask_or_garment_it_is_absent_with_the_reason(store, plugins, lacking, said):
    with pytest.raises(MetricError, match=said):
        measured(store, plugins, {"a": dressed(RED)}, {"a": flat(RED)}, **lacking)


def test_an_empty_mask_and_a_garment_that_has_changed_are_named(store, plugins):
    with pytest.raises(MetricError, match="the mask of a covers no pixel"):
        worn_region(flat(RED), np.zeros((8, 6), dtype=bool), "a")
    with pytest.raises(MetricError, match=r"image of a is \(8, 6\), and its mask \(6, 8\)"):
        worn_region(flat(RED), MASK.T, "a")
    made = dataclasses.replace(row(store, "a", dressed(RED)), mask=pixel_hash(MASK), garment=pixel_hash(flat(RED)))
    table = images_table([made])
    seen = access(table, store, Wardrobe({"a": flat(BLUE)}, {"a": MASK}), plugins)
    with pytest.raises(MetricError, match="the garment photo of a is not the one"):
        consistency(table, MetricArguments((), {}, seen))


def test_a_garment_is_looked_for_among_every_choice_of_others():
    rng = np.random.default_rng(4)
    shown = rng.normal(size=(7, 3)).astype(np.float32)
    worn = (shown + 3 * rng.normal(size=(7, 3))).astype(np.float32)
    garments = ["a", "b", "c", "d", "e", "f", "b"]
    shown[6] = shown[1]
    found = hits_among(worn, shown, garments, list("1234567"), 3)
    photos = dict(zip(garments, shown.astype(float), strict=True))
    for at, own in enumerate(garments):
        near = {name: worn[at] @ photo / np.linalg.norm(photo) for name, photo in photos.items()}
        draws = list(combinations([name for name in photos if name != own], 2))
        hits = sum(all(near[own] > near[other] for other in draw) for draw in draws)
        assert found[at] == pytest.approx(hits / len(draws))
    assert 0 < found.mean() < 1 and len(set(found.round(6))) > 2
    order = rng.permutation(7)
    again = hits_among(worn[order], shown[order], [garments[place] for place in order], list("1234567"), 3)
    np.testing.assert_allclose(again, found[order])


def test_an_equal_garment_is_as_near_and_too_few_are_not_compared():
    same = np.ones((2, 3), dtype=np.float32)
    assert hits_among(same, same, ["a", "b"], ["1", "2"], 2).tolist() == [0, 0]
    assert hits_among(same, same, ["a", "a"], ["1", "2"], 1).tolist() == [1, 1]
    with pytest.raises(MetricError, match="1 garments were shown, and 2 are compared"):
        hits_among(same, same, ["a", "a"], ["1", "2"], 2)


def test_garment_retrieval_finds_what_is_worn(store, plugins, monkeypatch):
    monkeypatch.setattr(metrics, "AMONG", 2)
    images = {"right": dressed(RED), "wrong": dressed(BLUE)}
    garments = {"right": flat(RED), "wrong": flat(GREEN)}
    retrieval = metrics.garment_retrieval_efficientnet_lite0
    outcome = measured(store, plugins, images, garments, metric=retrieval)
    # Blue is as far from green as from red.
    assert outcome.values.tolist() == [1, 0] and outcome.weights == "colours"
    assert outcome.method == "exact mean over draws of 2 from 2 garments"
    monkeypatch.setattr(metrics, "AMONG", 50)
    with pytest.raises(MetricError, match="2 garments were shown, and 50 are compared"):
        measured(store, plugins, images, garments, metric=retrieval)

"""Silhouettes and colours on drawings whose values are worked out by hand; CIELAB against tables."""

from __future__ import annotations

import numpy as np
import pytest
from stored_rows import Data, access, row

from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation import metrics
from fashionbench.metrics.generation.style_transfer import colour_distance, lab, silhouette_iou
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.images import images_table

#: sRGB colours in CIELAB under D65, as tables of the primaries have them.
KNOWN = {
    (255, 0, 0): (53.24, 80.09, 67.20), (0, 255, 0): (87.73, -86.18, 83.18), (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48), (128, 128, 128): (53.59, 0, 0), (255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0),
}  # fmt: skip
RED, BLUE, WHITE = (200, 0, 0), (0, 0, 200), (255, 255, 255)
MASK = np.zeros((16, 12), dtype=bool)
MASK[4:12, 3:9] = True


class Colours:
    """Sums of colour, in which white counts nothing."""

    id = fingerprint = published = "efficientnet-lite0"

    def features(self, images):
        return np.asarray([(255 - image.astype(np.float32)).sum(axis=(0, 1)) for image in images])


class Registered:
    FASHIONBENCH_API = (1, 0)

    @hookimpl
    def load_extractor(self, name):
        return Colours() if name == Colours.id else None


class Restyled(Data):
    def mask(self, item_id):
        return MASK


def garment(colour, inside=MASK, ground=WHITE):
    return np.where(inside[..., None], np.asarray(colour, dtype=np.uint8), np.asarray(ground, dtype=np.uint8))


def measured(store, metric, made, truth, *, lacking=""):
    hashes = {"truth": pixel_hash(truth), "mask": pixel_hash(MASK)}
    table = images_table([row(store, "a", made, **{k: v for k, v in hashes.items() if k != lacking})])
    plugins = Plugins(points=[])
    plugins.register(Registered())
    seen = access(table, store, Restyled({"a": truth}), plugins)
    (value,) = metric(table, MetricArguments((), {}, seen)).values
    return float(value)


def test_a_silhouette_is_what_stands_out_and_its_holes():
    assert silhouette_iou(garment(RED), MASK, "a") == 1
    assert silhouette_iou(garment(RED, ground=(90, 90, 90)), MASK, "a") == 1
    hole = garment(RED)
    hole[6:8, 5:7] = WHITE
    assert silhouette_iou(hole, MASK, "a") == 1
    half = MASK.copy()
    half[8:] = False
    assert silhouette_iou(garment(BLUE, half), MASK, "a") == 0.5
    moved = np.roll(MASK, 3, axis=1)  # shares three of six columns: 24 of 72 pixels
    assert silhouette_iou(garment(BLUE, moved), MASK, "a") == pytest.approx(24 / 72)
    assert silhouette_iou(np.full((16, 12, 3), 255, dtype=np.uint8), MASK, "a") == 0


def test_colours_are_apart_by_the_length_of_the_vector_that_moves_them_all():
    difference = np.linalg.norm(lab(np.array(RED, dtype=np.uint8)) - lab(np.array(BLUE, dtype=np.uint8)))
    assert colour_distance(garment(RED), garment(BLUE), MASK, "a") == pytest.approx(difference)
    assert colour_distance(garment(RED), garment(RED, ground=BLUE), MASK, "a") == 0


def test_places_of_colours_do_not_matter_and_their_shares_do():
    left, right, quarter = (garment(RED) for _ in range(3))
    left[:, 3:6], right[:, 6:9], quarter[4:8, 3:6] = BLUE, BLUE, BLUE
    whole = colour_distance(garment(RED), garment(BLUE), MASK, "a")
    assert colour_distance(left, right, MASK, "a") == 0
    assert colour_distance(left, garment(RED), MASK, "a") == pytest.approx(whole / 2)
    assert colour_distance(left, quarter, MASK, "a") == pytest.approx(whole / 4)


def test_cielab_is_that_of_the_tables():
    np.testing.assert_allclose(lab(np.array([*KNOWN], dtype=np.uint8)), [*KNOWN.values()], atol=0.03)


def test_a_mask_that_is_empty_or_of_another_size_is_named():
    with pytest.raises(MetricError, match="the mask of a covers no pixel"):
        silhouette_iou(garment(RED), np.zeros_like(MASK), "a")
    with pytest.raises(MetricError, match=r"image of a is \(16, 12\), and its mask \(12, 16\)"):
        colour_distance(garment(RED), garment(RED), MASK.T, "a")


def test_metrics_read_images_truths_and_masks_of_the_predictions(store):
    half = garment(RED)
    half[:, 3:6] = BLUE
    whole = colour_distance(garment(RED), garment(BLUE), MASK, "a")
    assert measured(store, metrics.garment_colour_distance, half, garment(BLUE)) == pytest.approx(whole / 2)
    assert measured(store, metrics.silhouette_iou, garment(BLUE, np.roll(MASK, 3, axis=1)), garment(RED)) == 24 / 72
    # 255 - colour: (55, 255, 255) and (255, 255, 55); what lies around the mask counts nothing.
    one, two = np.array([55, 255, 255]), np.array([255, 255, 55])
    similar = measured(store, metrics.truth_similarity_efficientnet_lite0, garment(RED, ground=BLUE), garment(BLUE))
    assert similar == pytest.approx(one @ two / (one @ one))


@pytest.mark.parametrize(
    ("metric", "lacking"),
    [("silhouette_iou", "mask"), ("garment_colour_distance", "truth"), ("truth_similarity_efficientnet_lite0", "mask")],
)
def test_without_truth_or_mask_a_metric_is_absent_with_the_reason(store, metric, lacking):
    with pytest.raises(MetricError, match=f"{metric.replace('_', '-')} needs the {lacking} of every image"):
        measured(store, getattr(metrics, metric), garment(RED), garment(BLUE), lacking=lacking)

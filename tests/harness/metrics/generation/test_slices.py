"""Distances of a whole set and of each of its categories, against means taken by hand."""

from __future__ import annotations

import dataclasses
from importlib.metadata import EntryPoint, entry_points

import numpy as np
import pytest
import toy_images
from stored_rows import Data, access, row

from fashionbench.metrics.scoring import score
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, images_table

#: By category: the grey of generated and of real images; the categories are of different size.
GREYS = {"dresses": ([10, 30], [60, 60, 120]), "lower_body": ([200], [100])}


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    weights = tmp_path / "weights.txt"
    weights.write_text("1")
    monkeypatch.setenv(toy_images.WEIGHTS, str(weights))
    points = [*entry_points(group="fashionbench"), EntryPoint("toy-images", "toy_images", "fashionbench")]
    return Plugins(strict=True, points=points)


@pytest.fixture
def scored(plugins, store):
    def make(greys, *, by_slice=True, real_slices=True):
        rows, photos = [], {}
        for name, (generated, real) in greys.items():
            for side, levels in (("generated", generated), ("real", real)):
                for number, level in enumerate(levels):
                    pixels = np.full((4, 4, 3), level, dtype=np.uint8)
                    label = name if side == "generated" or real_slices else "real"
                    made = row(store, f"{name}/{number}", pixels, side)
                    rows.append(dataclasses.replace(made, slice=label))
                    photos[f"{name}/{number}"] = pixels if side == "real" else photos.get(f"{name}/{number}")
        table = images_table(rows)
        spec = dataclasses.replace(plugins.metrics["toy-distance"], by_slice=by_slice)
        plugins.metrics.put(spec, None)
        images = access(table, store, Data(photos=photos), plugins)
        scores = score(
            Predictions(SCHEMA, table), plugins.tasks["toy/clothes"], plugins.metrics, "s", names=["toy-distance"],
            images=images,
        )  # fmt: skip
        assert scores.absent == []
        return {part.slice: (part.value, part.n) for part in scores.metrics}

    return make


def distance(generated, real):
    return abs(np.mean(generated) - np.mean(real)) * np.sqrt(3)


def test_each_category_has_its_own_distance(scored):
    found = scored(GREYS)
    generated, real = ([level for levels in sides for level in levels] for sides in zip(*GREYS.values(), strict=True))
    assert found["all"] == (pytest.approx(distance(generated, real), rel=1e-6), 3)
    assert found["dresses"] == (pytest.approx(distance(*GREYS["dresses"]), rel=1e-6), 2)
    assert found["lower_body"] == (pytest.approx(distance(*GREYS["lower_body"]), rel=1e-6), 1)


def test_without_categories_on_both_sides_there_is_the_whole_alone(scored):
    assert set(scored({"all": GREYS["dresses"]})) == {"all"}
    assert set(scored(GREYS, real_slices=False)) == {"all"}
    assert set(scored(GREYS, by_slice=False)) == {"all"}

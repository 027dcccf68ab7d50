"""Rows of image predictions, and access to the images behind them, for tests that have no task."""

from __future__ import annotations

import io

from PIL import Image

from fashionbench.data.task_images import pixel_hash
from fashionbench.plugins.manager import Plugins
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.images import SCHEMA, ImageRow
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.stored_images import image_access


class Data:
    """What a task knows of its images: true ones and photos by name."""

    def __init__(self, truths=None, photos=None):
        self.truths = truths or {}
        self.photos = photos or {}

    def images(self):
        return self

    def truth(self, item_id):
        return self.truths[item_id]

    def real(self, name):
        return self.photos[name]


def row(store, name, pixels, side="generated", **more):
    """Make a row; a generated image is kept in the store."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    height, width = pixels.shape[:2]
    return ImageRow(
        item_id=name, slice=side, cluster=name, side=side, width=width, height=height, pixels=pixel_hash(pixels),
        image=store.keep_image(png.getvalue()) if side == "generated" else "", **more,
    )  # fmt: skip


def access(table, store, data=None, plugins=None):
    """Give access to the images behind a table; nothing is kept of features."""
    loader = ExtractorLoader(plugins or Plugins(points=[]), "cpu")
    return image_access(Predictions(SCHEMA, table), data, store, loader, None, lambda count, kind: None)

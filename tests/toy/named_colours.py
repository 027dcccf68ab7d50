"""Images of one colour, and an encoder that finds them by the last word of a text."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 30, 20), "green": (30, 200, 40), "blue": (20, 30, 210)}


class NamedColours:
    """Embeds an image as its mean colour, and a text as the colour that it ends with."""

    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, float).mean(axis=(0, 1)) - 100 for item in items])

    def encode_texts(self, items, role):
        return np.stack([np.asarray(COLOURS[item.text.split()[-1]], float) - 100 for item in items])


def png(colour):
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(stream, "PNG")
    return stream.getvalue()

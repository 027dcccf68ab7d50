"""Antialiased painting: polygons become coverage, coverage lays dye, shade and labels on a canvas.

Pillow fills the polygons on a grid four times as fine and averages it, so that an edge has 17 levels; everything else
is arithmetic in float32 that every processor rounds alike, because equal seeds have to give equal bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench_atelier.anatomy.geometry import Path, Point, Shape

FINE = 4
"""How many times finer than the pixels the polygons are filled."""

_WIDE_BLUR = 2.5
"""Radius in pixels from which a blur is worked out at half the size."""


@dataclass(frozen=True, slots=True)
class Camera:
    """From body units to pixels: ``pixel = unit * scale + offset``.

    :param scale: pixels per body unit.
    """

    scale: float
    x: float
    y: float

    def pixels(self, points: Sequence[Point], grid: float = 1) -> list[Point]:
        """Project points to a grid ``grid`` times as fine as the pixels."""
        size = self.scale * grid
        return [(x * size + self.x * grid, y * size + self.y * grid) for x, y in points]


class Cover(NamedTuple):
    """How much of each pixel a shape covers.

    ``alpha`` is float32 [h, w] in 0–1 and lies with its corner at column ``x`` and row ``y`` of the canvas.
    """

    x: int
    y: int
    alpha: NDArray[np.float32]

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas."""
        height, width = self.alpha.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


class Stroke(NamedTuple):
    """A seam or a fold: a line in body units, lighter (``value`` > 0) or darker (< 0) than what it lies on."""

    points: Path
    width: float
    value: float
    dash: float = 0.0


@dataclass
class Canvas:
    """The image that is being painted, with what each pixel shows.

    ``rgb`` is float32 [H, W, 3] in 0–255; ``labels`` uint8 [H, W] is the part that covers at least half of the pixel;
    ``target`` float32 [H, W] is the share of the pixel in which the target garment is seen.
    """

    width: int
    height: int
    camera: Camera
    rgb: NDArray[np.float32] = field(init=False)
    labels: NDArray[np.uint8] = field(init=False)
    target: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.rgb = np.zeros((self.height, self.width, 3), dtype=np.float32)
        self.labels = np.zeros((self.height, self.width), dtype=np.uint8)
        self.target = np.zeros((self.height, self.width), dtype=np.float32)

    def cover(self, shape: Shape, within: Cover | None = None) -> Cover | None:
        """Rasterise a union of polygons; None where nothing of it is in the image.

        :param within: clip to this cover.
        """
        polygons = [self.camera.pixels(path) for path in shape if len(path) > 2]
        if not polygons:
            return None
        xs = [x for polygon in polygons for x, _ in polygon]
        ys = [y for polygon in polygons for _, y in polygon]
        left, top, right, bottom = 0, 0, self.width, self.height
        if within is not None:
            rows, columns = within.box
            left, top, right, bottom = columns.start, rows.start, columns.stop, rows.stop
        x0, y0 = max(left, int(min(xs)) - 1), max(top, int(min(ys)) - 1)
        x1, y1 = min(right, int(max(xs)) + 2), min(bottom, int(max(ys)) + 2)
        if x1 <= x0 or y1 <= y0:
            return None
        image = Image.new("L", ((x1 - x0) * FINE, (y1 - y0) * FINE))
        pen = ImageDraw.Draw(image)
        for polygon in polygons:
            pen.polygon([((x - x0) * FINE - 0.5, (y - y0) * FINE - 0.5) for x, y in polygon], fill=255)
        alpha = np.asarray(image.reduce(FINE), dtype=np.float32) * np.float32(1 / 255)
        if within is not None:
            alpha = alpha * within.alpha[y0 - within.y : y1 - within.y, x0 - within.x : x1 - within.x]
        return Cover(x0, y0, alpha)

    def units(self, cover: Cover) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give the body-unit coordinates of the pixels of a cover: x [1, w] and y [h, 1]."""
        height, width = cover.alpha.shape
        unit = np.float32(1.0 / self.camera.scale)
        x = (np.arange(cover.x, cover.x + width, dtype=np.float32) + np.float32(0.5 - self.camera.x)) * unit
        y = (np.arange(cover.y, cover.y + height, dtype=np.float32) + np.float32(0.5 - self.camera.y)) * unit
        return x[None, :], y[:, None]

    def lay(
        self,
        cover: Cover,
        rgb: NDArray[np.float32] | Sequence[float],
        *,
        label: int | None = None,
        target: bool = False,
    ) -> None:
        """Lay a colour ([3] or [h, w, 3], 0–255) over what is there.

        :param label: what the pixels show from now on; None leaves the labels alone.
        :param target: whether it belongs to the target garment; if not, it hides the target garment.
        """
        box, alpha = cover.box, cover.alpha
        under = self.rgb[box]
        under += (np.asarray(rgb, dtype=np.float32) - under) * alpha[..., None]
        seen = self.target[box]
        seen += ((1.0 if target else 0.0) - seen) * alpha
        if label is not None:
            self.labels[box][alpha >= 0.5] = label

    def shade(self, cover: Cover, factor: float) -> None:
        """Darken what is there to ``factor`` where the cover is full; no label or target changes."""
        self.rgb[cover.box] *= 1.0 - cover.alpha[..., None] * np.float32(1.0 - factor)

    def strokes(self, strokes: Sequence[Stroke], within: Cover, blur: float) -> NDArray[np.float32]:
        """Draw lines as relief: float32 [h, w], the sum of nothing (0) and the strokes' values, blurred.

        :param blur: radius in body units; 0 draws sharp lines.
        """
        height, width = within.alpha.shape
        radius = blur * self.camera.scale
        # A wide blur loses nothing when it is drawn at half the size; a sharp line is drawn at twice the size.
        grid = 2.0 if not blur else 0.5 if radius >= _WIDE_BLUR else 1.0
        image = Image.new("L", (math.ceil(width * grid), math.ceil(height * grid)), 128)
        pen = ImageDraw.Draw(image)
        for stroke in strokes:
            points = [(x - within.x * grid, y - within.y * grid) for x, y in self.camera.pixels(stroke.points, grid)]
            weight = max(1, round(stroke.width * self.camera.scale * grid))
            fill = 128 + round(127 * stroke.value)
            for piece in _dashes(points, stroke.dash * self.camera.scale * grid) if stroke.dash else [points]:
                pen.line(piece, fill=fill, width=weight, joint="curve")
        image = image.filter(ImageFilter.GaussianBlur(radius * grid)) if blur else image.reduce(2)
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return (np.asarray(image, dtype=np.float32) - 128) * np.float32(1 / 127)

    def image(self) -> Image.Image:
        """Return the image as 8-bit RGB."""
        value = self.rgb + np.float32(0.5)
        return Image.fromarray(np.clip(value, 0, 255, out=value).astype(np.uint8))


def soften(cover: Cover, radius: float, limits: tuple[int, int], shift: tuple[int, int] = (0, 0)) -> Cover | None:
    """Blur a cover into a shadow, moved by ``shift`` pixels and clipped to ``limits`` (width, height)."""
    pad = int(3 * radius) + 1
    height, width = cover.alpha.shape
    image = Image.new("L", (width + 2 * pad, height + 2 * pad))
    image.paste(Image.fromarray((cover.alpha * 255).astype(np.uint8)), (pad, pad))
    size = image.size
    if radius >= _WIDE_BLUR:
        image = image.reduce(2).filter(ImageFilter.GaussianBlur(radius / 2)).resize(size, Image.Resampling.BILINEAR)
    else:
        image = image.filter(ImageFilter.GaussianBlur(radius))
    x, y = cover.x - pad + shift[0], cover.y - pad + shift[1]
    left, top = max(0, -x), max(0, -y)
    if limits[0] <= x + left or limits[1] <= y + top or left >= size[0] or top >= size[1]:
        return None
    alpha = np.asarray(
        image.crop((left, top, min(size[0], limits[0] - x), min(size[1], limits[1] - y))), dtype=np.float32
    )
    return Cover(x + left, y + top, alpha * np.float32(1 / 255))


def rim(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mark the inner edge of a cover, one pixel wide: float32 [h, w] in 0–1."""
    least = alpha.copy()
    np.minimum(least[1:], alpha[:-1], out=least[1:])
    np.minimum(least[:-1], alpha[1:], out=least[:-1])
    np.minimum(least[:, 1:], alpha[:, :-1], out=least[:, 1:])
    np.minimum(least[:, :-1], alpha[:, 1:], out=least[:, :-1])
    return alpha * (1 - least)


def _dashes(points: Sequence[Point], length: float) -> list[list[Point]]:
    out: list[list[Point]] = []
    for (ax, ay), (bx, by) in pairwise(points):
        size = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
        count = max(1, int(size / max(2.0, 2 * length)))
        for index in range(count):
            lo, hi = index / count, (index + 0.55) / count
            out.append([(ax + (bx - ax) * lo, ay + (by - ay) * lo), (ax + (bx - ax) * hi, ay + (by - ay) * hi)])
    return out

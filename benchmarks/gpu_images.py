"""Images for the GPU benchmark: JPEG files in a tar, made once, and read by their places in it."""

from __future__ import annotations

import io
import os
import tarfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.data.images import rgb_on_white
from fashionbench.data.items import ImageItem

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_parts import PartRun

#: How many different images there are; more are the same ones again, under other ids.
DIFFERENT = {"real": 2048, "nano": 12}
WIDTH, HEIGHT = 384, 512


@dataclass(frozen=True)
class TarMember:
    """An image in a tar, at a place that is known: what a loader with an index reads."""

    id: str
    path: Path
    offset: int
    size: int

    def open(self) -> ImageItem:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content = file.read(self.size)
        return ImageItem(self.id, rgb_on_white(Image.open(io.BytesIO(content))))


def jpeg(number: int) -> bytes:
    """Make an image of smooth shapes and some grain: about as many bytes as a photo of this size."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (16, 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = rng.integers(-6, 7, (HEIGHT, WIDTH, 1), dtype=np.int16)
    stream = io.BytesIO()
    Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def write_tar(path: Path, count: int) -> None:
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver"))
    with pool, tarfile.open(path, "w") as tar:
        made = pool.map(jpeg, range(count), chunksize=16) if count > 100 else map(jpeg, range(count))
        for number, content in enumerate(made):
            member = tarfile.TarInfo(f"{number:06d}.jpg")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def image_members(run: PartRun, count: int) -> list[TarMember]:
    """Return so many images; from :data:`DIFFERENT` on they repeat, each time under another id."""
    path = run.shared_once("images.tar", lambda draft: write_tar(draft, DIFFERENT[run.size]))
    with tarfile.open(path) as tar:
        places = [(member.offset_data, member.size) for member in tar]
    return [TarMember(f"image {at}", path, *places[at % len(places)]) for at in range(count)]

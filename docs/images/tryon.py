"""Draw tryon.png: a row a person with garment, agnostic picture, what a model makes, and the truth.

python docs/images/tryon.py MODEL_FOLDER ATELIER_FOLDER docs/images/tryon.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext
from fashionbench_tasks.generation.samples import LazySample

ROWS, HEIGHT = 8, 192
HEADS = ("person", "garment", "agnostic", "generated", "truth")


def main(model: str, data: str, out: str) -> None:
    plugins = Plugins()
    spec = plugins.tasks["atelier/viton-hd-unpaired"]
    task = resolve(spec.target)(spec, DataRoots(named={"atelier": Path(data)}))
    backend_spec = plugins.backends["unifashion"]
    context = BackendContext({**backend_spec.options, "model": model}, 0, "cpu", Path())
    backend = resolve(backend_spec.target)(context)
    samples = task.samples[:: max(1, len(task.samples) // ROWS)][:ROWS]
    items = [LazySample(sample, task.resize).open() for sample in samples]
    made = backend.try_on(items)
    width = HEIGHT * task.resize.width // task.resize.height
    sheet = Image.new("RGB", (len(HEADS) * (width + 4), len(items) * (HEIGHT + 4) + 14), "white")
    pen = ImageDraw.Draw(sheet)
    for column, head in enumerate(HEADS):
        pen.text((column * (width + 4) + 4, 1), head, fill="black")
    for row, (sample, item, picture) in enumerate(zip(samples, items, made, strict=True)):
        truth = task.resize.read(sample.truth)
        shown = (item.person, item.garment, item.conditions["agnostic"], Image.fromarray(picture), truth)
        for column, image in enumerate(shown):
            place = (column * (width + 4), row * (HEIGHT + 4) + 14)
            sheet.paste(image.convert("RGB").resize((width, HEIGHT), Image.Resampling.BICUBIC), place)
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])

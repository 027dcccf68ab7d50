"""A plugin for tests of image metrics: four grey persons of 16 x 16 pixels, and an extractor with weights of one number.

Tests put the data below a folder with :func:`write`, and the weights into the file that ``TOY_WEIGHTS`` names.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from fashionbench import BackendSpec, DatasetSpec, Licence, MetricSpec, ProtocolCard, TaskSpec, hookimpl
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.errors import MetricError
from fashionbench.metrics.contract import Outcome
from fashionbench_tasks.generation.resize import Resize
from fashionbench_tasks.generation.samples import GenerationSample
from fashionbench_tasks.generation.task import Generation

FASHIONBENCH_API = (1, 0)

PERSONS = {"a": 50, "b": 100, "c": 150, "d": 200}
RED = (200, 0, 0)
WEIGHTS = "TOY_WEIGHTS"
METRICS = ("mse", "mse-garment", "toy-distance")
LICENCE = Licence(id="CC0-1.0", source="tests", usage="any")


def write(root: Path) -> Path:
    """Write the data: grey persons, a white garment, and a mask of the left half."""
    root.mkdir(parents=True)
    for name, grey in PERSONS.items():
        Image.new("RGB", (16, 16), (grey, grey, grey)).save(root / f"{name}.png")
    Image.new("RGB", (16, 16), "white").save(root / "garment.png")
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 8, 16))
    mask.save(root / "mask.png")
    return root


def clothes(spec, roots):
    """Open the task."""
    root = roots.require("toy-clothes")
    samples = [
        GenerationSample(
            id=f"{name}_garment",
            slice="all",
            person=root / f"{name}.png",
            garment=root / "garment.png",
            truth=root / f"{name}.png",
            conditions={"agnostic-mask": root / "mask.png"},
        )
        for name in PERSONS
    ]
    files = {name: root / f"{name}.png" for name in (*PERSONS, "garment", "mask")}
    # By name and not by content, so that a file can be changed behind the back of a record.
    info = DataInfo("sha256:" + "0" * 64, {"pairings": len(samples)}, survey(files).missing)
    real = {name: root / f"{name}.png" for name in PERSONS}
    return Generation(spec, info, samples, real, Resize(16, 16, "lanczos"))


class Red:
    """Returns a red image whatever the person, and counts the persons."""

    asked: list[str] = []

    def __init__(self, context):
        pass

    def try_on(self, items):
        self.asked.extend(item.id for item in items)
        return [np.full((16, 16, 3), RED, dtype=np.uint8) for _ in items]


class Copy(Red):
    """Returns the person."""

    def try_on(self, items):
        self.asked.extend(item.id for item in items)
        return [np.asarray(item.person) for item in items]


class Mean:
    """An extractor: the mean colour, times the number in the file of weights; counts the images that it has seen."""

    id = "toy-mean"
    seen: list[tuple[int, ...]] = []

    def __init__(self):
        path = Path(os.environ[WEIGHTS])
        if not path.is_file():
            raise MetricError(f"there are no weights at {path}", remedy="write them")
        self._scale = float(path.read_text())
        self.fingerprint = f"toy-mean x {self._scale}"

    def features(self, pictures):
        means = [picture.reshape(-1, 3).mean(axis=0) for picture in pictures]
        self.seen.extend(tuple(int(value) for value in mean) for mean in means)
        return np.asarray(means, dtype=np.float32) * self._scale


def distance(table, arguments):
    """Return the distance of the mean features of both sides."""
    images = arguments.require_images()
    one, two = images.features("toy-mean", "generated"), images.features("toy-mean", "real")
    value = float(np.linalg.norm(one.mean(axis=0) - two.mean(axis=0)))
    return Outcome(value=value, n=len(one), weights=images.extractor("toy-mean").fingerprint)


def mean_absolute_error(table, arguments):
    """Return the mean absolute difference of each image to its truth, values in [0, 1]."""
    images = arguments.require_images()
    values = [np.abs(images.generated(i) / 255 - images.truth(i) / 255).mean() for i in images.items()]
    return Outcome(values=np.asarray(values), rows=np.asarray(table.column("side").to_pylist()) == "generated")


def _metric(name, attribute, **more):
    return MetricSpec(
        id=name, summary=name, target=f"toy_images:{attribute}", implementation=f"toy.{name}/1",
        predictions="images/2", higher_is_better=False, unit="distance", **more,
    )  # fmt: skip


@hookimpl
def register_metrics():
    return [
        _metric("toy-distance", "distance", extractors=("toy-mean",)),
        _metric("toy-mean-absolute-error", "mean_absolute_error"),
    ]


@hookimpl
def load_extractor(name):
    return Mean() if name == "toy-mean" else None


@hookimpl
def register_datasets():
    return [
        DatasetSpec(
            id="toy-clothes", summary="grey persons", target="toy_images:clothes", revision="1", licence=LICENCE,
            access="bundled", splits=("test",),
        )
    ]  # fmt: skip


@hookimpl
def register_tasks():
    card = {"split": "test", "metrics": METRICS, "average": "queries"}
    return [
        TaskSpec(
            id="toy/clothes", summary="grey persons", target="toy_images:clothes", version="1.0.0",
            kind="virtual-try-on", dataset="toy-clothes", protocol=ProtocolCard.of("toy/clothes", "1.0.0", card),
            needs=(frozenset({"try-on"}),), metrics=METRICS, main_metric="mse", trains=frozenset(),
        )
    ]  # fmt: skip


@hookimpl
def register_backends():
    return [
        BackendSpec(
            id=f"toy/{name.lower()}", summary=name, target=f"toy_images:{name}", revision="1",
            capabilities=frozenset({"try-on"}),
        )
        for name in ("Red", "Copy")
    ]  # fmt: skip

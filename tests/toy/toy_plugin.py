"""A small plugin for the tests: eight coloured squares and their names, and backends that break one rule each."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from fashionbench import BackendSpec, Column, DatasetSpec, Licence, ProtocolCard, TaskSpec, hookimpl
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.specs import BoardSpec
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval

FASHIONBENCH_API = (1, 0)

COLOURS = {
    "red": (220, 30, 30), "green": (30, 160, 40), "blue": (30, 50, 200), "yellow": (230, 220, 40),
    "black": (10, 10, 10), "white": (250, 250, 250), "pink": (240, 140, 180), "brown": (110, 70, 30),
}  # fmt: skip

METRICS = ("hit@1", "recall@5", "mrr", "median-rank", "map@10")
CARD = {
    "split": "all",
    "metrics": METRICS,
    "average": "queries",
    "tie_rule": "expected",
    "tie_tolerance": "0.000001",
    "missing": "miss",
}
ENCODES = frozenset({"encode-image", "encode-text"})


def _items() -> list[tuple[ImageItem, TextItem]]:
    return [
        (ImageItem(f"image-{name}", Image.new("RGB", (12, 8), rgb)), TextItem(f"text-{name}", name))
        for name, rgb in COLOURS.items()
    ]


def squares(spec, roots):
    pairs = _items()
    data = TrainingData("all", pairs=[Pair(image, text, text.text) for image, text in pairs])
    fold = Fold(
        name="all",
        queries=[image for image, _ in pairs],
        gallery=[text for _, text in pairs],
        positives={image.id: [text.id] for image, text in pairs},
        training=data,
    )
    return Retrieval(spec, DataInfo("sha256:" + "0" * 64, {"queries": 8, "gallery": 8}), lambda: [fold])


def folder(spec, roots):
    root = roots.require("toy-folder")
    images = {name: root / f"{name}.png" for name in COLOURS}
    found = survey(images)
    usable = [name for name in COLOURS if name not in found.absent]
    fold = Fold(
        name="all",
        queries=[ImageFile(name, images[name]) for name in usable],
        gallery=[TextItem(f"text-{name}", name) for name in COLOURS],
        positives={name: [f"text-{name}"] for name in COLOURS},
        unavailable=tuple(sorted(found.absent)),
    )
    info = DataInfo.of(found, {"queries": 8, "gallery": 8})
    return Retrieval(spec, info, lambda: [fold])


def broken(spec, roots):
    raise ValueError("this task cannot be opened")


class Colour:
    """Embeds a picture as its mean colour, and a word as the colour that it names."""

    parameters = 0

    def __init__(self, context):
        self.context = context

    def fingerprint(self):
        return "colour/1"

    def encode_images(self, items, role):
        return np.stack([self._vector(np.asarray(item.image, dtype=float).mean(axis=(0, 1))) for item in items])

    def encode_texts(self, items, role):
        return np.stack([self._vector(np.asarray(COLOURS[item.text], dtype=float)) for item in items])

    @staticmethod
    def _vector(rgb):
        return np.append(rgb - 128, 60.0)


class Nan(Colour):
    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        rows[[item.id == "image-blue" for item in items]] = np.nan
        return rows


class Short(Colour):
    def encode_images(self, items, role):
        return super().encode_images(items, role)[1:]


class Flat(Colour):
    def encode_images(self, items, role):
        return super().encode_images(items, role)[:, 0]


class Mutates(Colour):
    def encode_images(self, items, role):
        rows = super().encode_images(items, role)
        for item in items:
            if item.id == "image-pink":
                ImageDraw.Draw(item.image).point((0, 0), "black")
        return rows


class Raises(Colour):
    def encode_images(self, items, role):
        raise ZeroDivisionError("a bug in a model")


class Lies:
    def __init__(self, context):
        pass


class Greedy(Colour):
    """Has memory for three items."""

    seen: list[int] = []

    def encode_images(self, items, role):
        self.seen.append(len(items))
        if len(items) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return super().encode_images(items, role)


class Counting(Colour):
    calls: list[int] = []

    def encode_images(self, items, role):
        self.calls.append(len(items))
        return super().encode_images(items, role)


class Matcher:
    """Sees in a pair what its embeddings, which are all equal, do not tell."""

    asked: list[int] = []

    def __init__(self, context):
        pass

    def encode_images(self, items, role):
        return np.ones((len(items), 3), dtype=np.float32)

    encode_texts = encode_images

    def score_pairs(self, items):
        self.asked.append(len(items))
        right = [COLOURS[item.candidate.text] == item.query.image.getpixel((0, 0)) for item in items]
        return np.array(right, dtype=np.float32)


class Learner(Colour):
    learnt: list[tuple[str, int, int]] = []

    def fit(self, training, seed):
        self.learnt.append((training.fold, len(training.pairs), seed))


def _backend(name, attribute, **more):
    fields = {"capabilities": ENCODES, "revision": "1", "summary": f"toy {name}"} | more
    return BackendSpec(id=f"toy/{name}", target=f"toy_plugin:{attribute}", **fields)


def _task(name, attribute, dataset, **card):
    task = f"toy/{name}"
    return TaskSpec(
        id=task, summary="squares", target=f"toy_plugin:{attribute}", version="1.0.0", kind="cross-modal-retrieval",
        dataset=dataset, protocol=ProtocolCard.of(task, "1.0.0", {**CARD, **card}), needs=(ENCODES,), metrics=METRICS,
        main_metric="hit@1",
    )  # fmt: skip


@hookimpl
def register_datasets():
    licence = Licence(id="CC0-1.0", source="tests", usage="any")
    for name in ("toy-squares", "toy-folder"):
        yield DatasetSpec(
            id=name, summary="squares", target="toy_plugin:squares", revision="1", licence=licence, access="bundled",
            splits=("all",),
        )  # fmt: skip


@hookimpl
def register_tasks():
    return [
        _task("squares", "squares", "toy-squares"),
        _task("folder", "folder", "toy-folder"),
        _task("broken", "broken", "toy-squares"),
    ]


@hookimpl
def register_backends():
    return [
        _backend("colour", "Colour", options={"shade": 1}),
        _backend("nan", "Nan"),
        _backend("short", "Short"),
        _backend("flat", "Flat"),
        _backend("mutates", "Mutates"),
        _backend("raises", "Raises"),
        _backend("lies", "Lies"),
        _backend("greedy", "Greedy"),
        _backend("counting", "Counting"),
        _backend("learner", "Learner", fits=True),
        _backend("matcher", "Matcher", capabilities=ENCODES | {"score-pairs"}, options={"rerank": 0}),
        _backend("needy", "Colour", packages=("no_such_package",), extra="pocket"),
        _backend("blind", "Colour", capabilities=frozenset({"encode-text"})),
    ]


@hookimpl
def register_boards():
    columns = (Column(task="toy/squares", metric="hit@1"), Column(task="toy/squares", metric="median-rank"))
    return [BoardSpec(id="toy", title="Toy <board>", summary="squares", columns=columns, backends=("toy/colour",))]

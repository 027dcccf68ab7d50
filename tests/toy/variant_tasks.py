"""Ways of measuring one thing, for tests of sensitivity: more or fewer candidates, and texts that nothing has embedded."""

from __future__ import annotations

from dataclasses import replace

from toy_plugin import COLOURS, _items, _task

from fashionbench.data.info import DataInfo
from fashionbench.data.items import TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.plugins.origin import Origin
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.task import Retrieval


def pictures(spec, roots):
    """Find a square among squares: it stands on both sides, and a darker one beside it."""
    images = [image for image, _ in _items()]
    size = int(spec.options["size"])
    gallery = images[-size:]
    fold = Fold(
        name="all",
        queries=gallery[:4],
        gallery=gallery,
        positives={image.id: [gallery[(at + 1) % size].id] for at, image in enumerate(gallery[:4])},
        training=_training(),
    )
    return _retrieval(spec, fold)


def names(spec, roots):
    """Find the name of a square, among some of the names, or among names in capital letters."""
    pairs = _items()[: int(spec.options["size"])]
    texts = {t.id: TextItem(t.id, t.text.upper() if spec.options["capitals"] else t.text) for _, t in pairs}
    fold = Fold(
        name="all",
        queries=[image for image, _ in pairs],
        gallery=list(texts.values()),
        # Each is asked for another colour's name, so that a smaller gallery gives another rank.
        positives={image.id: [pairs[(at + 1) % len(pairs)][1].id] for at, (image, _) in enumerate(pairs)},
        training=_training(),
    )
    return _retrieval(spec, fold)


def _training():
    return TrainingData("all", pairs=[Pair(image, text, text.text) for image, text in _items()])


def _retrieval(spec, fold):
    # Another fingerprint for each, as real variants have where their annotations differ.
    return Retrieval(spec, DataInfo("sha256:" + f"{len(spec.id):064x}", {"queries": len(fold.queries)}), lambda: [fold])


def _variant(name, attribute, benchmark, **options):
    made = _task(name, attribute, "toy-squares", gallery=str(options["size"]))
    return replace(made, target=f"variant_tasks:{attribute}", benchmark=benchmark, options=options)


TASKS = (
    _variant("names", "names", "toy-names", size=len(COLOURS), capitals=False),
    _variant("names-few", "names", "toy-names", size=3, capitals=False),
    _variant("names-capitals", "names", "toy-names", size=len(COLOURS), capitals=True),
    _variant("pictures", "pictures", "toy-pictures", size=len(COLOURS)),
    _variant("pictures-few", "pictures", "toy-pictures", size=5),
)


def register(plugins):
    for spec in TASKS:
        plugins.tasks.add(spec, Origin("variants", "tests", "0"))

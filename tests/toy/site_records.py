"""What the tests of sites publish: real records of small tasks, one of them with a hostile name."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from fashionbench import BoardSpec, Column, api
from fashionbench.plugins.manager import Plugins

HOSTILE = 'toy/<script>window.injected = 1</script><img src=x onerror="window.injected = 1"> #1?100%20&amp;'
BOARDS = (
    BoardSpec(
        id="shapes",
        title="Shapes <b>and</b> colours",
        summary="drawings and squares",
        columns=(
            Column(task="wardrobe/image-to-image", metric="hit@5", label="hit@5", group="Drawings"),
            Column(task="wardrobe/image-to-image", metric="median-rank", label="median rank", group="Drawings"),
            Column(task="toy/squares", metric="hit@1", label="hit@1", group="Squares"),
        ),
    ),
    BoardSpec(
        id="squares",
        title="Squares",
        summary="squares",
        columns=(Column(task="toy/squares", metric="mrr", label="MRR"),),
    ),
)


def toy_plugins() -> Plugins:
    return Plugins(
        strict=True, points=[*entry_points(group="fashionbench"), EntryPoint("toy", "toy_plugin", "fashionbench")]
    )


def fill(store, plugins):
    """Run three backends on drawings and three on squares, and add a record whose backend has a hostile name."""
    backends = ["control/random", "control/oracle", "baseline/colour-histogram"]
    api.run({"tasks": "wardrobe/image-to-image", "backends": backends}, plugins=plugins, store=store)
    api.run(
        {"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises", "control/random"]},
        plugins=plugins,
        store=store,
    )
    api.run({"tasks": "toy/squares", "backends": "control/random", "limit": 3}, plugins=plugins, store=store)
    record = next(r for r in store.scan().records if r.backend.id == "toy/colour")
    evil = record.backend.model_copy(update={"id": HOSTILE})
    command = ("fashionbench", "run", "--store", "/home/ada/lab/results", "--data=toy=/srv/data/toy")
    provenance = record.provenance.model_copy(update={"command": command})
    store.add(record.model_copy(update={"backend": evil, "cell": "x", "supersedes": None, "provenance": provenance}))


def with_credit(plugins, dataset, credit):
    spec = plugins.datasets[dataset]
    plugins.datasets.put(replace(spec, image_credit=credit), plugins.datasets.origin(dataset))

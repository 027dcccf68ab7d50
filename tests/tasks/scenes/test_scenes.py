"""Generated scenes: the same files for the same seed, captions that tell the drawing, and no scene twice."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest

from fashionbench.data.dataset import is_twin
from fashionbench.errors import ConfigError, DataError
from fashionbench_tasks.datasets.karpathy import coco
from fashionbench_tasks.scenes.drawing import SIDE, draw
from fashionbench_tasks.scenes.generate import make
from fashionbench_tasks.scenes.world import COLOURS, GROUNDS, Scene, Thing, captions, draw_scene

SIZES = {"train": 30, "restval": 5, "val": 5, "test": 10}


def made(root, seed=0, **sizes):
    make(root, seed, SIZES | sizes, lambda _done, _total: None)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_files(tmp_path):
    one, again, other = made(tmp_path / "a"), made(tmp_path / "b"), made(tmp_path / "c", seed=1)
    assert one == again
    assert one.keys() == other.keys() and one != other
    assert is_twin(tmp_path / "a")
    assert coco(tmp_path / "a").counts() == {
        **{f"images/{name}": count for name, count in SIZES.items()},
        **{f"captions/{name}": 5 * count for name, count in SIZES.items()},
    }
    images = [content for name, content in one.items() if name.endswith(".png")]
    assert len(set(images)) == len(images) == 50


@pytest.mark.parametrize("relation", ["left of", "above"])
@pytest.mark.parametrize("shape", ["circle", "square", "triangle", "star", "house", "tree"])
def test_colours_stand_where_the_caption_says(shape, relation):
    scene = Scene(Thing(shape, "red", large=True), Thing(shape, "blue", large=False), relation, "snow")
    pixels = np.asarray(draw(scene)).astype(int)
    assert pixels.shape == (SIDE, SIDE, 3)
    centres, counts = {}, {}
    for colour in ("red", "blue"):
        rows, columns = np.nonzero((pixels == COLOURS[colour]).all(axis=2))
        centres[colour], counts[colour] = (columns.mean(), rows.mean()), len(rows)
    along = 0 if relation == "left of" else 1
    assert centres["red"][along] + SIDE / 3 < centres["blue"][along]
    assert abs(centres["red"][1 - along] - centres["blue"][1 - along]) < SIDE / 8
    assert counts["red"] > 1.5 * counts["blue"] > 50
    assert tuple(pixels[0, 0]) == GROUNDS["snow"]
    texts = captions(scene)
    assert texts[0] == f"A red {shape} {relation} a blue {shape}."
    assert f"a blue {shape} {'right of' if relation == 'left of' else 'below'} a red {shape} on snow" in texts[1]
    assert len(set(texts)) == 5


def test_the_shapes_of_a_scene_differ():
    rng = Random(3)
    for scene in (draw_scene(rng) for _ in range(200)):
        assert scene.first.shape != scene.second.shape and scene.first.colour != scene.second.colour


@pytest.mark.parametrize(
    ("sizes", "said"),
    [({"dev": 3}, "scenes have no dev"), ({"test": 0}, "test 0"), ({"train": -1}, "train -1"), ({"train": 40_000}, "train 40000")],
)  # fmt: skip
def test_sizes_out_of_range_are_named(sizes, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        made(tmp_path / "a", **sizes)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_anything_is_left_alone_and_nothing_stays_of_a_failure(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty"):
        made(tmp_path / "a")

    def stop(done, _total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "b", 0, SIZES, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    empty = tmp_path / "c"
    empty.mkdir()
    assert json.loads(made(empty)["dataset_coco.json"])["dataset"] == "coco"

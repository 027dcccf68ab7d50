"""Tasks on a user's manifest against values worked out by hand, and against oracles."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image

import fashionbench
from fashionbench.errors import DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@fashionbench.model("test/mean-colour")
class MeanColour:
    """The mean colour; a text moves it to the colour that it names; a caption names the nearest."""

    names = {"red": RED, "green": GREEN, "blue": BLUE}

    def encode_images(self, items, role):
        return np.stack([np.asarray(item.image, float).mean(axis=(0, 1)) - 100 for item in items])

    def encode_texts(self, items, role):
        return np.stack([np.asarray(self.names[item.text.split()[-1]], float) - 100 for item in items])

    def encode_composed(self, items):
        return self.encode_texts(items, "query")

    def caption(self, items, instruction):
        return [f"a dress in {list(self.names)[int(row.argmax())]}" for row in self.encode_images(items, "query")]

    def try_on(self, items):
        return np.stack([np.asarray(item.person) for item in items])

    def design(self, items):
        return np.stack(
            [np.full((item.person.height, item.person.width, 3), self.names[item.text], np.uint8) for item in items]
        )


def paint(root, **colours):
    for name, colour in colours.items():
        Image.new("RGB", (30, 40), colour).save(root / f"{name}.png")


def write(root, *rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def run(task, root, store, backend=MeanColour):
    config = {"tasks": [task], "backends": [backend], "data": {"manifest": str(root)}}
    (record,) = fashionbench.run(config, store=store)
    assert record.status == "ok", record.error
    return record


def value(record, metric, slice_="all"):
    return next(m.value for m in record.metrics if m.id == metric and m.slice == slice_)


def test_composed_queries_with_two_targets_and_without_the_reference(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, red=RED, green=GREEN, blue=BLUE, navy=(0, 0, 128))
    write(
        root,
        {"reference": "red.png", "text": "in blue", "target": "blue.png", "slice:kind": "hue"},
        {"reference": "red.png", "text": "in blue", "target": "navy.png", "slice:kind": "hue"},
        # The best of all is the reference itself, which is no candidate: green remains, and the target is behind it.
        {"reference": "green.png", "text": "in green", "target": "red.png", "slice:kind": "none"},
    )
    record = run("manifest/composed", root, tmp_path / "store")
    assert record.dataset.sizes == {"queries": 2, "gallery": 4}
    # Behind the blue text: blue 1, navy 2 of three candidates; behind the green one red ties with blue, navy is nearer.
    assert value(record, "mrr", "composed/kind=hue") == 1.0
    assert value(record, "recall@5") == 1.0
    assert value(record, "recall@1", "composed/kind=hue") == 0.5
    # Red and blue tie behind navy: ranks 2 and 3, each with one half.
    cosines = {
        name: _cosine((0, 255, 0), colour) for name, colour in {"red": RED, "blue": BLUE, "navy": (0, 0, 128)}.items()
    }
    better = sum(cosine > cosines["red"] + 1e-6 for name, cosine in cosines.items() if name != "red")
    tied = sum(abs(cosine - cosines["red"]) <= 1e-6 for name, cosine in cosines.items() if name != "red")
    expected = np.mean([1 / (better + 1 + at) for at in range(tied + 1)])
    assert value(record, "mrr", "composed/kind=none") == pytest.approx(expected, abs=1e-9)


def _cosine(first, second):
    one, two = (np.asarray(colour, float) - 100 for colour in (first, second))
    return one @ two / np.linalg.norm(one) / np.linalg.norm(two)


@pytest.mark.parametrize("roles", [False, True])
def test_photos_of_a_group_find_each_other(tmp_path, roles):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, a1=RED, a2=(250, 10, 0), b1=BLUE, b2=(0, 10, 250), alone=GREEN)
    role = dict.fromkeys(["a1", "b1"], "query") | dict.fromkeys(["a2", "b2", "alone"], "candidate")
    group = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "alone": "c"}
    write(root, *({"image": f"{n}.png", "group": g, **({"role": role[n]} if roles else {})} for n, g in group.items()))
    record = run("manifest/image-to-image", root, tmp_path / "store")
    assert record.dataset.sizes == {"queries": 2 if roles else 4, "gallery": 3 if roles else 5, "groups": 3}
    assert value(record, "recall@1") == 1.0
    assert record.dataset.facts["queries without another photo of their group, left out"] == ("0" if roles else "1")


def test_captions_have_every_text_of_their_image_as_a_reference(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, one=RED, two=BLUE, three=WHITE)
    write(
        root,
        {"image": "one.png", "text": "nothing like it"},
        {"image": "one.png", "text": "a dress in red"},
        {"image": "two.png", "text": "a dress in blue"},
        {"image": "three.png", "text": ""},
    )
    record = run("manifest/captioning", root, tmp_path / "store")
    assert record.dataset.sizes == {"images": 2, "references": 3}
    assert record.dataset.facts["images that nobody has described"] == "1"
    # Each caption is word for word one of the references of its image.
    assert value(record, "bleu-4") == pytest.approx(1.0)


def test_try_on_is_compared_with_the_target(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, p1=RED, p2=BLUE, g=GREEN)
    rows = [{"person": "p1.png", "garment": "g.png"}, {"person": "p2.png", "garment": "g.png"}]
    write(root, *({**row, "target": target} for row, target in zip(rows, ("p1.png", "g.png"), strict=True)))
    record = run("manifest/try-on", root, tmp_path / "store")
    # The person comes back: right in the first row, and blue instead of green in the second.
    assert value(record, "mse") == pytest.approx((0 + 2 / 3) / 2, abs=1e-6)
    assert {metric.id for metric in record.absent} >= {"ssim-garment"}
    write(root, *rows)
    with pytest.raises(AssertionError, match="has no target in the rows 2, 3"):
        run("manifest/try-on", root, tmp_path / "store")
    unpaired = run("manifest/try-on-unpaired", root, tmp_path / "store")
    assert "mse" not in {metric.id for metric in unpaired.metrics}


def test_design_is_made_of_words(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, p1=RED, p2=BLUE, wanted=GREEN)
    write(
        root,
        {"person": "p1.png", "text": "green", "target": "wanted.png", "slice:brand": "acme"},
        {"person": "p2.png", "text": "red", "target": "p1.png", "slice:brand": "other"},
    )
    record = run("manifest/design", root, tmp_path / "store")
    assert value(record, "mse") == 0
    assert value(record, "mse", "brand=acme") == 0


def test_pairs_in_one_direction_are_those_of_both(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    paint(root, one=RED, two=BLUE, three=GREEN)
    write(
        root,
        *({"image": f"{n}.png", "text": f"in {c}"} for n, c in (("one", "red"), ("two", "red"), ("three", "blue"))),
    )
    both = run("manifest/pairs", root, tmp_path / "store")
    for direction in ("image-to-text", "text-to-image"):
        record = run(f"manifest/{direction}", root, tmp_path / "store")
        assert value(record, "mrr") == pytest.approx(value(both, "mrr", direction))


@pytest.mark.parametrize(
    ("rows", "task", "message"),
    [
        ([{"image": "a.png", "text": "x"}], "manifest/composed", "run manifest/pairs, manifest/image-to-text"),
        ([{"image": "a.png", "group": "1", "role": "shop"}, {"image": "b.png", "group": "1", "role": "query"}], "manifest/image-to-image", "role is 'shop' in 1 rows"),
        ([{"image": "a.png", "group": "1"}, {"image": "b.png", "group": "2"}], "manifest/image-to-image", "no photo has another one of its group"),
        ([{"image": "a.png", "group": "1"}, {"image": "a.png", "group": "2"}], "manifest/image-to-image", "in the groups '1' and '2'"),
        ([{"image": "a.png", "text": " "}], "manifest/captioning", "no image has a text"),
        ([{"image": "a.png", "text": "x", "slice:b": "1", "slice:c": "2"}], "manifest/captioning", "slice:b and slice:c"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_said(tmp_path, rows, task, message):
    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.specs import resolve

    paint(tmp_path, a=RED, b=BLUE)
    write(tmp_path, *rows)
    spec = Plugins().tasks[task]
    with pytest.raises(DataError) as caught:
        resolve(spec.target)(spec, DataRoots(named={"manifest": tmp_path}))
    assert message in str(caught.value)


def test_training_rows_reach_a_backend_that_fits(tmp_path):
    class Counts(MeanColour):
        def fit(self, training, seed):
            kinds = (training.pairs, training.triplets, training.tryon_examples)
            Counts.seen = [len(kind) for kind in kinds]
            Counts.first = next(kind[0] for kind in kinds if len(kind))

    paint(tmp_path, a=RED, b=BLUE, c=GREEN)
    store = tmp_path / "store"
    write(
        tmp_path,
        {"reference": "a.png", "text": "in blue", "target": "b.png", "split": "train"},
        {"reference": "c.png", "text": "in red", "target": "a.png", "split": "test"},
    )
    run("manifest/composed", tmp_path, store, Counts)
    assert Counts.seen == [0, 1, 0]
    assert np.asarray(Counts.first.target.image)[0, 0].tolist() == list(BLUE)
    write(
        tmp_path,
        {"person": "a.png", "garment": "b.png", "target": "c.png", "split": "train"},
        {"person": "a.png", "garment": "b.png", "target": "a.png", "split": "test"},
    )
    run("manifest/try-on", tmp_path, store, Counts)
    assert Counts.seen == [0, 0, 1]
    assert np.asarray(Counts.first.target.image)[0, 0].tolist() == list(GREEN)

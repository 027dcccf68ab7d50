"""Style transfer on invented photos; expected values are computed here."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from fashionbench import api
from fashionbench.data.items import StyleTransferItem
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.metrics.generation.style_transfer import colour_distance
from fashionbench.predictions.images import image_rows
from fashionbench_tasks.datasets.style_transfer import StyleTransfer
from fashionbench_tasks.generation.style_transfer import style_transfer

SIZE = (384, 512)
BOX, STYLE_BOX = (96, 128, 288, 384), (48, 64, 336, 448)
#: By id: the colour of the garment, of the style, and of what comes out.
GARMENTS = {
    "00001_00002": ((200, 10, 10), (10, 60, 200), (12, 62, 190)),
    "00003_00001": ((20, 120, 40), (200, 10, 10), (190, 20, 20)),
}
TEXTS = {"00001_00002": "blue", "00003_00001": "red"}


def drawn(colour, box):
    photo = Image.new("RGB", SIZE, "white")
    photo.paste(colour, box)
    return photo


@pytest.fixture
def root(tmp_path):
    """A world that is one layout alone, with a mark so that it may stand for Atelier."""
    root = tmp_path / "atelier" / "style-transfer"
    mask = Image.new("L", SIZE)
    mask.paste(255, BOX)
    for split in ("train", "test"):
        lines = []
        for name, (own, style, truth) in GARMENTS.items():
            images = {
                "garment": drawn(own, BOX),
                "style": drawn(style, STYLE_BOX),
                "truth": drawn(truth, BOX),
                "garment-mask": mask,
                "sketch": Image.new("L", SIZE, 255),
            }
            places = {kind: f"{split}/{kind}/{name}.png" for kind in images}
            for kind, image in images.items():
                (root / places[kind]).parent.mkdir(parents=True, exist_ok=True)
                image.save(root / places[kind])
            look = "solid" if name == "00001_00002" else "patterned"
            lines.append(json.dumps({"id": name, **places, "text": TEXTS[name], "look": look}))
        (root / f"{split}.jsonl").write_text("\n".join(lines))
    manifest = {"version": 0, "seed": 0, "sizes": {}, "files": 0, "fingerprint": ""}
    (root.parent / "ATELIER.json").write_text(json.dumps(manifest))
    return root


def task(root, plugins, name="atelier/style-transfer"):
    return style_transfer(plugins.tasks[name], DataRoots(named={"atelier": root.parent}))


def run(root, backend, plugins, store, name="atelier/style-transfer"):
    fields = {"tasks": name, "backends": backend, "data": {"atelier": root.parent}}
    (record,) = api.run(fields, plugins=plugins, store=store)
    assert record.error is None
    return record


@pytest.mark.parametrize(("name", "words"), [("atelier/style-transfer", False), ("atelier/style-transfer-words", True)])
def test_what_is_asked_is_a_garment_its_mask_its_sketch_and_a_style(root, plugins, name, words):
    made = task(root, plugins, name)
    assert [(s.id, s.slice) for s in made.samples] == [("00001_00002", "solid"), ("00003_00001", "patterned")]
    item = made.samples[0].read(made.resize)
    assert isinstance(item, StyleTransferItem)
    assert item.conditions.keys() == {"garment-mask", "sketch"}
    assert item.garment.getpixel((100, 140)) == GARMENTS[item.id][0]
    assert item.text == ("blue" if words else "")
    assert (item.style is None) == words
    if item.style is not None:
        assert item.style.getpixel((50, 70)) == GARMENTS[item.id][1]
    shown = made.shown("solid", "query", {item.id})[item.id]
    assert set(shown.images) == {"garment", "truth"} | (set() if words else {"style"})
    assert shown.text == item.text
    assert "truth/00001_00002" not in made.evaluated() and "garment/00001_00002" in made.evaluated()


def test_controls_lose_what_they_do_not_look_at(root, plugins, store):
    names = ("control/copy-garment", "control/copy-style", "control/oracle-image", "baseline/colour-statistics")
    garment, style, oracle, moved = (run(root, name, plugins, store) for name in names)
    masked = np.asarray(drawn((1, 1, 1), BOX))[..., 0] == 1
    own = [
        colour_distance(np.asarray(drawn(one, BOX)), np.asarray(drawn(out, BOX)), masked, "")
        for one, _, out in GARMENTS.values()
    ]
    assert garment.metric("silhouette-iou").value == 1
    assert garment.metric("garment-colour-distance").value == pytest.approx(np.mean(own))
    assert garment.metric("garment-colour-distance", "solid").value == pytest.approx(own[0])
    boxes = [(right - left) * (bottom - top) for left, top, right, bottom in (BOX, STYLE_BOX)]
    assert style.metric("silhouette-iou").value == pytest.approx(boxes[0] / boxes[1])
    assert 0 < style.metric("garment-colour-distance").value < 10
    assert oracle.metric("garment-colour-distance").value == oracle.metric("mse").value == 0
    assert oracle.metric("silhouette-iou").value == oracle.metric("ssim-garment").value == 1
    # Of one colour each, the garment takes the style's colour, and keeps its place.
    assert moved.metric("silhouette-iou").value == 1
    assert moved.metric("garment-colour-distance").value == pytest.approx(
        style.metric("garment-colour-distance").value, abs=0.5
    )
    rows = list(image_rows(store.read_predictions(garment.predictions)))
    assert {row.side for row in rows} == {"generated"}
    assert all(row.truth and row.mask and row.garment == row.pixels for row in rows)


def test_words_alone_give_the_copy_of_the_style_nothing_to_show(root, plugins, store):
    name = "atelier/style-transfer-words"
    blank, kept = (run(root, b, plugins, store, name) for b in ("control/copy-style", "baseline/colour-statistics"))
    copied = run(root, "control/copy-garment", plugins, store, name)
    assert blank.metric("silhouette-iou").value == 0
    assert kept.metric("garment-colour-distance").value == copied.metric("garment-colour-distance").value > 50
    assert {row.text for row in image_rows(store.read_predictions(kept.predictions))} == set(TEXTS.values())


def test_training_shows_the_truth_as_the_person_and_the_mask_as_what_is_painted(root, plugins):
    made = task(root, plugins)
    training = made.training()
    assert [*training.tryon_examples.names] == [(f"truth/{name}", TEXTS[name], f"style/{name}") for name in GARMENTS]
    example = training.tryon_examples[0]
    _, style, truth = GARMENTS["00001_00002"]
    assert example.target.image.getpixel((100, 140)) == example.item.person.getpixel((100, 140)) == truth
    assert example.item.garment.getpixel((100, 140)) == style
    assert (example.text, example.sketch.image.size) == ("blue", SIZE)
    assert np.asarray(example.item.conditions["agnostic-mask"]).mean() == pytest.approx(255 * 192 * 256 / (384 * 512))
    assert not np.asarray(example.item.conditions["densepose"]).any()
    (root / "train.jsonl").unlink()
    assert task(root, plugins).training() is None


def test_images_made_elsewhere_are_scored(root, tmp_path, plugins, store):
    folder = tmp_path / "made"
    folder.mkdir()
    for name, (_, _, truth) in GARMENTS.items():
        drawn(truth, BOX).save(folder / f"{name}.png")
    data = {"atelier": root.parent}
    record = api.score("atelier/style-transfer", folder, name="elsewhere", data=data, plugins=plugins, store=store)
    assert record.metric("garment-colour-distance").value == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].pop("truth"), "'truth' is nothing"),
        (lambda rows: rows[0].update(style="../x.png"), "leads out of"),
        (lambda rows: rows[0].update(look="striped"), "the look of '00001_00002' is 'striped'"),
        (lambda rows: rows[1].update(id=rows[0]["id"]), "names '00001_00002' twice"),
    ],
)
def test_a_malformed_line_is_named(root, change, said):
    path = root / "test.jsonl"
    rows = [json.loads(line) for line in path.read_text().split("\n")]
    change(rows)
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match=said):
        StyleTransfer(root).rows("test")


def test_the_layout_of_the_twin_is_whole(twin, source):
    data = StyleTransfer(twin / "style-transfer")
    assert data.counts()["garments/test"] == len(data.rows("test")) > 4
    assert all(path.is_file() for path in data.images().values())
    assert data.extra() == []
    (twin_row, *_) = data.rows("test")
    garment, truth = (
        np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (twin_row.garment, twin_row.truth)
    )
    inside = np.asarray(Image.open(twin_row.mask)) > 127
    changed = np.abs(garment - truth).max(axis=2)
    # JPEG blurs some pixels beyond the edge.
    assert np.median(changed[inside]) > 20 and np.median(changed[~inside]) == 0
    train = {row.garment.stem.partition("_")[0] for row in data.rows("train")}
    assert not train & {row.garment.stem.partition("_")[0] for row in data.rows("test")}

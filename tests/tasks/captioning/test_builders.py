"""Captioning tasks on the twin, against the truth that the twin was made from."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.specs import resolve
from fashionbench_atelier.world.captions import description, short_title

TASKS = [
    "fashiongen-captioning",
    "fashiongen-captioning-products",
    "fashion200k-captioning",
    "fashion-iq-cap-captioning",
]


def task(name, twin, plugins):
    spec = plugins.tasks[f"atelier/{name}"]
    return resolve(spec.target)(spec, DataRoots(named={"atelier": twin}))


@pytest.mark.parametrize("name", TASKS)
def test_every_image_has_the_text_that_its_product_was_given(name, twin, source, plugins):
    made = task(name, twin, plugins)
    seed = source.world.seed
    texts = {description(seed, p).text for p in source.world.products}
    wanted = {"fashion200k-captioning": {short_title(seed, p).text for p in source.world.products}}
    wanted["fashion-iq-cap-captioning"] = {text.lower() for text in texts}
    references = [text for fold in made.folds for texts in fold.references.values() for text in texts]
    assert references
    assert set(references) <= wanted.get(name, texts)


def test_one_photo_a_product_is_the_first_one(twin, source, plugins):
    photos = task("fashiongen-captioning", twin, plugins)
    products = task("fashiongen-captioning-products", twin, plugins)
    pool = source.products("val")
    assert photos.info().sizes == {"images": sum(len(source.photo_keys(p)) for p in pool)}
    assert products.info().sizes == {"images": len(pool)}
    assert {item.id for item in products.folds[0].items} == {f"val/{p.id}_0" for p in pool}


@pytest.mark.parametrize("name", TASKS)
def test_no_training_image_is_evaluated(name, twin, plugins):
    made = task(name, twin, plugins)
    training = made.training()
    assert len(training.pairs) > 20
    assert not {pair.image.id for pair in training.pairs} & made.evaluated()


def test_an_image_that_nobody_described_is_left_out_and_counted(copied, plugins):
    root = copied("fashion-iq")
    path = root / "Fashion-IQ-Cap" / "next_llava.val.dress.caption.json"
    entries = json.loads(path.read_text())
    entries[0]["caption"] = "  "
    entries[1]["text_guidance"] = "is shorter"
    path.write_text(json.dumps(entries))
    spec = plugins.tasks["fashion-iq-cap/captioning"]
    made = resolve(spec.target)(spec, DataRoots(named={"fashion-iq-cap": root}))
    assert made.info().facts == {"references written with words in view": "1", "images that nobody has described": "1"}
    assert entries[0]["image"].partition(".")[0] not in made.evaluated()


@pytest.mark.slow
def test_the_released_script_is_another_protocol(twin, plugins, store):
    def run(name):
        fields = {"tasks": f"atelier/{name}", "backends": "control/frequent-caption", "data": {"atelier": twin}}
        return api.run(fields, plugins=plugins, store=store)[0]

    standard, released = run("fashiongen-captioning-products"), run("fashiongen-captioning-as-released")
    assert standard.protocol.hash != released.protocol.hash
    assert released.protocol.card["truncation"] == "100 characters"
    assert standard.metric("bleu-4").value != released.metric("bleu-4").value


@pytest.mark.parametrize("form", ["object", "lists", "rows", "csv", "parquet"])
def test_captions_from_a_file_need_no_image(copied, plugins, store, tmp_path, form):
    root = copied("fashion200k")
    spec = plugins.tasks["fashion200k/captioning"]
    folds = resolve(spec.target)(spec, DataRoots(named={"fashion200k": root})).folds
    said = {name: texts[0] for fold in folds for name, texts in fold.references.items()}
    for path in root.rglob("*.jpeg"):
        path.unlink()
    first = next(iter(said))
    said[first] = ""
    named = {name.rpartition(".")[0]: text for name, text in said.items()}
    path = tmp_path / f"c.{ {'object': 'json', 'lists': 'json', 'rows': 'jsonl'}.get(form, form) }"
    if form == "parquet":
        pq.write_table(pa.table({"image_id": list(named), "caption": list(named.values())}), path)
    elif form == "csv":
        path.write_text("image_id,caption\n" + "".join(f'{name},"{text}"\n' for name, text in named.items()))
    elif form == "rows":
        path.write_text("\n".join(json.dumps({"image_id": n, "caption": t}) for n, t in named.items()))
    else:
        path.write_text(json.dumps(named if form == "object" else {n: [t] for n, t in named.items()}))
    record = api.score("fashion200k/captioning", path, data={"fashion200k": root}, store=store, plugins=plugins)
    rows = store.read_predictions(record.predictions).to_pylist()
    assert [row["item_id"] for row in rows] == [name for fold in folds for name in fold.asked]
    assert [row["caption"] for row in rows] == [said[row["item_id"]] for row in rows]
    assert record.metric("empty-captions").value == pytest.approx(1 / len(said))
    assert record.dataset.missing == ()


def test_a_caption_that_is_missing_or_of_no_image_is_named(twin, plugins, store, tmp_path):
    spec = plugins.tasks["fashion200k/captioning"]
    folds = resolve(spec.target)(spec, DataRoots(named={"fashion200k": twin / "fashion200k"})).folds
    said = {name: texts[0] for fold in folds for name, texts in fold.references.items()}
    first = next(iter(said))
    for content, words in (
        (
            {name: text for name, text in said.items() if name != first},
            f"no caption of 1 of {len(said)} images: {first}",
        ),
        (said | {"stranger": "a hat"}, "1 unknown images: stranger"),
        (said | {first.rpartition(".")[0]: "again"}, "has two captions of"),
    ):
        path = tmp_path / "c.json"
        path.write_text(json.dumps(content))
        with pytest.raises(DataError, match=words):
            api.score(spec.id, path, data={"fashion200k": twin / "fashion200k"}, store=store, plugins=plugins)


@pytest.mark.parametrize("name", ["plain.txt", "plain.run"])
def test_plain_lines_of_captions_are_not_called_a_run(twin, plugins, store, tmp_path, name):
    (tmp_path / name).write_text("a red dress\na blue silk shirt with buttons in front\n")
    with pytest.raises(DataError, match=rf"{name} is read as plain lines, .*captions were expected") as caught:
        api.score(
            "fashion200k/captioning",
            tmp_path / name,
            data={"fashion200k": twin / "fashion200k"},
            store=store,
            plugins=plugins,
        )
    assert "TREC" not in str(caught.value)
    assert '{"image id": "text", ...}' in caught.value.remedy

"""Composed queries of two towers against the features that transformers gives, added by hand."""

from __future__ import annotations

import csv
import math
import shutil
import warnings

import numpy as np
import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.data.items import ComposedItem
from fashionbench.errors import BackendError, ConfigError, UnknownNameError
from fashionbench.plugins.manager import Plugins

torch = pytest.importorskip("torch")


def by_hand(folder, image, text, alpha):
    """``(1 - alpha) * image / |image| + alpha * text / |text|`` in double precision, one number after the other."""
    from transformers import AutoModel, AutoProcessor

    model, processor = (kind.from_pretrained(folder) for kind in (AutoModel, AutoProcessor))
    padding = {"padding": "max_length", "max_length": 12} if "siglip" in str(folder) else {}
    with torch.no_grad():
        sides = [
            model.get_image_features(**processor(images=image, return_tensors="pt")),
            model.get_text_features(**processor(text=text, return_tensors="pt", **padding)),
        ]
    image_row, text_row = ([float(x) for x in getattr(side, "pooler_output", side)[0]] for side in sides)
    norms = [math.sqrt(sum(x * x for x in row)) for row in (image_row, text_row)]
    return [(1 - alpha) * a / norms[0] + alpha * b / norms[1] for a, b in zip(image_row, text_row, strict=True)]


@pytest.mark.parametrize("kind", ["clip", "siglip", "chinese_clip"])
@pytest.mark.parametrize(
    ("options", "alpha"),
    [({}, 0.5), ({"alpha": 0.25}, 0.25), ({"composition": "image"}, 0.0), ({"composition": "text"}, 1.0)],
)
def test_a_composed_query_is_the_sum_of_features_of_norm_one(kind, options, alpha, build, folder_of, images):
    queries = [ComposedItem(f"q{i}", item.image, text) for i, (item, text) in enumerate(zip(images, ["a red dress", "is blue", "with long sleeves"], strict=True))]  # fmt: skip
    found = build(kind, **options).encode_composed(queries)
    for row, query in zip(found, queries, strict=True):
        np.testing.assert_allclose(row, by_hand(folder_of(kind), query.image, query.text, alpha), atol=2e-5)


def test_the_box_of_a_query_is_all_that_the_model_sees_of_its_reference_where_that_is_asked_for(
    build, folder_of, images
):
    image = images[0].image
    box = (image.width // 4, 0, image.width, image.height // 2)
    boxed, whole = ComposedItem("q", image, "is blue", box), ComposedItem("q", image, "is blue")
    encoder = build("clip", region="box")
    found = encoder.encode_composed([boxed, whole])
    np.testing.assert_allclose(found[0], by_hand(folder_of("clip"), image.crop(box), "is blue", 0.5), atol=2e-5)
    np.testing.assert_allclose(found[1], by_hand(folder_of("clip"), image, "is blue", 0.5), atol=2e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert "in the box" in encoder.preprocessing["region"]
    np.testing.assert_array_equal(*build("clip").encode_composed([boxed, whole]))
    assert encoder.preprocessing["boxes"] == "1 of the 2 queries that were encoded have one"
    assert "boxes" not in build("clip").preprocessing
    with pytest.raises(ConfigError, match="the option region is 'crop'"):
        build("clip", region="crop")


@pytest.mark.parametrize("composition", ["sum", "image"])
def test_a_region_that_no_query_has_is_said_once(composition, build, images):
    encoder = build("clip", composition=composition, region="box")
    whole = [ComposedItem(one.id, one.image, "is blue") for one in images[:2]]
    with pytest.warns(UserWarning, match="region=box: none of the first 2 queries has a box"):
        encoder.encode_composed(whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode_composed(whole)
    assert encoder.preprocessing["boxes"] == "0 of the 4 queries that were encoded have one"


def test_a_region_of_a_reference_that_is_not_shown_is_refused(build):
    with pytest.raises(BackendError, match="composition=text shows nothing of it"):
        build("clip", region="box", composition="text")


def test_the_longer_of_two_features_weighs_no_more(build, folder_of, images, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "clip"
    shutil.copytree(folder_of("clip"), folder)
    state = load_file(folder / "model.safetensors")
    state["text_projection.weight"] *= 8
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    query = ComposedItem("q", images[0].image, "a red dress")
    expected = build("clip").encode_composed([query])
    np.testing.assert_allclose(build("clip", model=str(folder)).encode_composed([query]), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["open_clip", "sentence_transformers"])
def test_the_other_libraries_compose_their_own_features(kind, build, images, texts):
    encoder = build(kind)
    image, text = encoder.encode_images(images[:1], "query")[0], encoder.encode_texts(texts[:1], "query")[0]
    expected = image / math.sqrt(image @ image) / 2 + text / math.sqrt(text @ text) / 2
    (found,) = encoder.encode_composed([ComposedItem("q", images[0].image, texts[0].text)])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_prefix_stands_before_the_text_of_a_query(build, images):
    plain, prefixed = build("clip"), build("clip", prefix="the red")
    expected = plain.encode_composed([ComposedItem("q", images[0].image, "the red dress")])
    found = prefixed.encode_composed([ComposedItem("q", images[0].image, "dress")])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_record_says_how_queries_were_composed(build):
    assert build("clip").preprocessing["composed queries"].startswith("0.5 x image + 0.5 x text")
    assert build("clip", alpha=0.3).preprocessing["composed queries"].startswith("0.7 x image + 0.3 x text")
    assert build("clip", composition="text").preprocessing["composed queries"] == "the text alone"


def test_a_tuned_weight_is_another_name(folder_of):
    plugins = Plugins(strict=True)
    names = [plugins.describe_backend(f"hf:{folder_of('clip')}", options).id for options in ({}, {"alpha": 0.5}, {"alpha": 0.35})]  # fmt: skip
    assert names == ["hf/clip", "hf/clip", "hf/clip@alpha-0.35"]
    config = {
        "tasks": ["wardrobe/text-to-image"],
        "backends": [{"id": "models/clip-vit-b32", "options": {"model": str(folder_of("clip")), "alpha": 0.35}}],
    }
    with pytest.raises(ConfigError, match="models/clip-vit-b32 has no option alpha"):
        fashionbench.run(config, plugins=plugins)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": 1.0}, ConfigError, r"the option alpha is 1\.0"),
        ({"alpha": float("nan")}, ConfigError, "the option alpha is nan"),
        ({"composition": "image", "alpha": 0.3}, ConfigError, "composition=image has no alpha"),
        ({"composition": "product"}, ConfigError, "the option composition is 'product'"),
        ({"composition": 1}, ConfigError, "the option composition is 1"),
        ({"compose": "sum"}, UnknownNameError, "compose"),
    ],
)
def test_options_out_of_range(options, error, message, build):
    with pytest.raises(error, match=message):
        build("clip", **options)


def test_an_own_manifest_of_composed_queries_is_run_by_a_folder(folder_of, images, tmp_path):
    for item in images:
        item.image.save(tmp_path / f"{item.id}.png")
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reference", "text", "target"])
        rows.writerows([["image-0.png", "is blue", "image-1.png"], ["image-1.png", "is red", "image-2.png"]])
    backends = [{"id": f"hf:{folder_of('clip')}", "options": {"composition": c}} for c in ("sum", "image", "text")]
    config = {"tasks": ["manifest/composed"], "backends": backends, "data": {"manifest": str(tmp_path)}}
    records = fashionbench.run(config, store=tmp_path / "store")
    assert [record.status for record in records] == ["ok"] * 3, [record.error for record in records]
    assert len({record.cell for record in records}) == 3
    assert {record.backend.preprocessing["composed queries"] for record in records} >= {"the text alone"}


def test_the_twin_of_fashion_iq_is_run_by_a_folder(folder_of, tmp_path, pytestconfig):
    config = {
        "tasks": ["atelier/fashion-iq-original"],
        "backends": [f"hf:{folder_of('clip')}"],
        "data": {"atelier": str(cached_twin(pytestconfig))},
    }
    (record,) = fashionbench.run(config, store=tmp_path / "store")
    assert record.status == "ok", record.error
    assert record.backend.id == "hf/clip"

"""What tasks hand to a trainer, and that none of it is evaluated."""

from __future__ import annotations

import pytest

from fashionbench.data.roots import DataRoots
from fashionbench.data.trainable import Trainable
from fashionbench.errors import ConfigError
from fashionbench.specs import resolve
from fashionbench_tasks.training_part import shared_training


def task(name, twin, plugins):
    spec = plugins.tasks[name]
    return resolve(spec.target)(spec, DataRoots(named={"atelier": twin}))


def test_pairs_are_of_the_train_split(twin, source, plugins):
    made = task("atelier/fashiongen-full", twin, plugins)
    assert isinstance(made, Trainable)
    photo_keys = {f"train/{i}_{n}" for p in source.products("train") for i, n in source.photo_keys(p)}
    assert {pair.image.id for pair in made.training().pairs} == photo_keys
    assert not photo_keys & made.evaluated()
    assert {f"val/{p.id}_0" for p in source.products("val")} <= made.evaluated()


@pytest.mark.parametrize("name", ["atelier/fashion-iq-original", "atelier/cirr-val"])
def test_triplets_share_no_image_with_the_evaluation(name, twin, plugins):
    made = task(name, twin, plugins)
    triplets = made.training().triplets
    assert len(triplets) > 20
    seen = {item.id for triplet in triplets for item in (triplet.reference, triplet.target)}
    assert not seen & made.evaluated()


@pytest.mark.parametrize("name", ["viton-hd-paired", "mgd-paired", "dress-code-paired"])
def test_try_on_examples_show_a_person_in_their_own_garment(name, twin, plugins):
    made = task(f"atelier/{name}", twin, plugins)
    tryon_examples = made.training().tryon_examples
    assert len(tryon_examples) >= 5
    one = tryon_examples[0]
    assert one.item.person.size == one.item.garment.size == one.target.image.size == (384, 512)
    assert {"agnostic-mask", "densepose"} <= one.item.conditions.keys()
    assert one.item.conditions["agnostic-mask"].mode == "L"
    ids = {name for d in tryon_examples for name in (d.target.id, d.item.id)}
    assert not ids & made.evaluated()
    assert (bool(one.text), one.sketch is not None) == ((True, True) if name == "mgd-paired" else (False, False))


def test_folds_with_training_parts_of_their_own_have_no_single_one(plugins):
    spec = plugins.tasks["wardrobe/text-to-image"]
    made = resolve(spec.target)(spec, DataRoots())
    with pytest.raises(ConfigError, match="a training part for each of its folds"):
        made.training()
    assert shared_training("t", [None, None]) is None


def test_what_a_task_says_that_it_trains_is_what_it_has(twin, plugins):
    for spec in plugins.tasks:
        if spec.id.startswith("atelier/") and spec.id.endswith(
            ("-full", "-original", "-val", "-paired", "-captioning")
        ):
            training = task(spec.id, twin, plugins).training()
            assert {kind for kind in ("pairs", "triplets", "tryon_examples") if getattr(training, kind)} == spec.trains

from __future__ import annotations

import shutil

import numpy as np
import pytest

from fashionbench import api
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench.specs import resolve
from fashionbench_tasks.wardrobe.dataset import ARTISTS, data_root

FINGERPRINT = "sha256:a27d80c8d47a495085bdbcaf205827dd872390e6d5bf3af2f8ce5169996eb3d8"
TASKS = ("wardrobe/image-to-text", "wardrobe/text-to-image", "wardrobe/image-to-image")


def task(plugins, name, roots=None):
    spec = plugins.tasks[name]
    return resolve(spec.target)(spec, roots or DataRoots())


@pytest.mark.parametrize("name", TASKS)
def test_each_artist_is_held_out_once_and_never_trained_on(plugins, name):
    folds = task(plugins, name).folds
    assert [fold.name for fold in folds] == list(ARTISTS)
    for fold in folds:
        trained = {pair.image.id.partition("/")[0] for pair in fold.training.pairs}
        assert trained == set(ARTISTS) - {fold.name}
        assert len(fold.training.pairs) == 94
        drawings = {s.id.partition("/")[0] for s in [*fold.queries, *fold.gallery]} & set(ARTISTS)
        assert fold.name in drawings


def test_positives_are_the_same_garment(plugins):
    for fold in task(plugins, "wardrobe/image-to-image").folds:
        for query in fold.queries:
            artist, garment = query.id.split("/")
            assert fold.positives[query.id] == [f"{other}/{garment}" for other in ARTISTS if other != artist]
        assert len(fold.gallery) == 94
    for fold in task(plugins, "wardrobe/image-to-text").folds:
        assert all(fold.positives[q.id] == [f"caption/{q.id.split('/')[1]}"] for q in fold.queries)


def test_the_fingerprint_is_pinned(plugins):
    assert {task(plugins, name).info().fingerprint for name in TASKS} == {FINGERPRINT}


def test_an_oracle_is_perfect_and_a_constant_is_at_chance(plugins, store):
    records = api.run(
        {"tasks": list(TASKS), "backends": ["control/oracle", "control/constant"]}, plugins=plugins, store=store
    )
    assert {record.status for record in records} == {"ok"}
    for record in records:
        many = record.task.id.endswith("image-to-image")
        name = "hit@5" if many else "recall@5"
        if record.backend.id == "control/oracle":
            assert record.metric(name).value == 1.0
            assert record.metric("mrr").value == 1.0
        else:
            # one of 47, or two of 94: the chance that none of the positives is among the first five
            chance = 1 - (89 * 88) / (94 * 93) if many else 5 / 47
            assert record.metric(name).value == pytest.approx(chance, abs=1e-12)
            assert record.metric(name, "noto").value == pytest.approx(chance, abs=1e-12)


def test_random_is_at_chance_within_its_interval(plugins, store):
    values = [
        api.run({"tasks": TASKS[0], "backends": "control/random", "seeds": [seed]}, plugins=plugins, store=store)[0]
        for seed in range(10)
    ]
    assert np.mean([record.metric("recall@10").value for record in values]) == pytest.approx(10 / 47, abs=0.04)


def test_a_missing_drawing_is_a_miss_for_its_query_and_no_candidate(plugins, store, tmp_path):
    root = tmp_path / "wardrobe"
    shutil.copytree(data_root(), root)
    lost = min((root / "images" / "noto").iterdir())
    lost.unlink()
    roots = DataRoots(named={"wardrobe-emoji": root})
    fold = task(plugins, "wardrobe/image-to-text", roots).folds[1]
    assert fold.unavailable == (f"noto/{lost.stem}",)
    record = api.run(
        {"tasks": TASKS[0], "backends": "control/oracle", "data": {"wardrobe-emoji": root}},
        plugins=plugins,
        store=store,
    )[0]
    assert record.dataset.missing == (f"noto/{lost.stem}",)
    assert record.metric("recall@1", "noto").value == pytest.approx(46 / 47)
    assert record.metric("recall@1", "noto").n == 47
    whole = api.run({"tasks": TASKS[0], "backends": "control/oracle"}, plugins=plugins, store=store)[0]
    assert whole.dataset.fingerprint != record.dataset.fingerprint
    images = api.run(
        {"tasks": TASKS[1:], "backends": "control/oracle", "data": {"wardrobe-emoji": root}},
        plugins=plugins,
        store=store,
    )
    assert images[0].metric("recall@1", "noto").value == pytest.approx(46 / 47)
    assert images[1].status == "ok"


def test_a_root_without_garments_says_what_to_do(plugins, tmp_path):
    with pytest.raises(DataError, match=r"garments\.json"):
        task(plugins, TASKS[0], DataRoots(named={"wardrobe-emoji": tmp_path}))

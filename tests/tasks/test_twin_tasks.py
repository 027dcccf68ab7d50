"""Tasks on the generated twin: an oracle is perfect, and a constant backend is at chance.

All tests share a store, so that no cell is run twice and no file is hashed and decoded twice.
"""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from fashionbench import api
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.origin import Origin
from fashionbench.predictions.images import image_rows
from fashionbench.records.store import Store

pytestmark = pytest.mark.slow

RETRIEVAL = [
    "atelier/fashion-iq-original",
    "atelier/fashion-iq-val-union-reference-removed",
    "atelier/fashion-iq-original-join-each",
    "atelier/fashion-iq-original-reranked-50",
    "atelier/cirr-val",
    "atelier/oacirr-fashion",
    "atelier/fashiongen-full",
    "atelier/fashiongen-text-to-product",
    "atelier/fashiongen-101-list",
    "atelier/fashiongen-101-fashionvil",
    "atelier/fashion200k-mbeir-text-to-image",
    "atelier/fashion200k-mbeir-image-to-text",
    "atelier/lookbench-real-studio-flat",
    "atelier/polyvore-complementary",
    "atelier/polyvore-complementary-all",
    "atelier/polyvore-fill-in-the-blank",
]


@pytest.fixture(scope="module")
def plugins():
    return Plugins(strict=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("results"))


def run(task, backend, twin, plugins, store):
    fields = {"tasks": task, "backends": backend, "data": {"atelier": twin}}
    record = api.run(fields, plugins=plugins, store=store)[0]
    assert record.status == "ok", record.error
    assert record.dataset.synthetic
    return record


# One embedding an item cannot answer every fill-in-the-blank question: an item stands in several outfits.
@pytest.mark.parametrize("task", RETRIEVAL[:-1])
def test_an_oracle_is_perfect(task, twin, plugins, store):
    record = run(task, "control/oracle", twin, plugins, store)
    table = store.read_predictions(record.predictions).to_pydict()
    answered = [better for better in table["better"] if better]
    assert all(count == 0 for better in answered for count in better)
    assert all(count == 0 for tied in table["tied"] for count in tied)


@pytest.mark.parametrize("task", RETRIEVAL)
def test_a_constant_backend_is_at_chance(task, twin, plugins, store):
    record = run(task, "control/constant", twin, plugins, store)
    table = store.read_predictions(record.predictions).to_pydict()
    headline = [
        (positives, n) for positives, n, part in zip(table["positive_ids"], table["n_candidates"], table["slice"], strict=True)
        if record.protocol.card["average"] in {"queries", "slices", part}
    ]  # fmt: skip
    name = next(
        m.id for m in record.metrics if m.id in {"hit@1", "recall@1", "recall@10", "hit@10"} and m.slice == "all"
    )
    k = int(name.partition("@")[2])
    chances = []
    for positives, n in headline:
        miss = 1.0
        for i in range(min(k, n)):
            miss *= max(0, n - len(positives) - i) / (n - i)
        chances.append(
            0.0 if not positives else 1 - miss if name.startswith("hit") or len(positives) == 1 else min(1, k / n)
        )
    if record.protocol.card["average"] != "slices":
        assert record.metric(name).value == pytest.approx(sum(chances) / len(chances), abs=1e-9)
    assert record.metric(name).value < 1


def test_the_reference_is_removed_where_the_protocol_says_so(twin, plugins, store):
    kept = run("atelier/fashion-iq-original", "control/random", twin, plugins, store)
    removed = run("atelier/fashion-iq-original-reference-removed", "control/random", twin, plugins, store)
    assert kept.protocol.hash != removed.protocol.hash
    sizes = [store.read_predictions(r.predictions).column("n_candidates").to_pylist() for r in (kept, removed)]
    assert all(a - b == 1 for a, b in zip(*sizes, strict=True) if b)


def test_compatibility(twin, plugins, store):
    constant = run("atelier/polyvore-compatibility", "control/constant", twin, plugins, store)
    assert constant.metric("roc-auc").value == 0.5
    oracle = run("atelier/polyvore-compatibility", "control/oracle", twin, plugins, store)
    assert oracle.metric("roc-auc").value == 1.0


@pytest.mark.parametrize("task", ["atelier/viton-hd-paired", "atelier/viton-hd-unpaired"])
def test_try_on_controls(task, twin, plugins, store):
    oracle = run(task, "control/oracle-image", twin, plugins, store)
    copied = run(task, "control/copy-person", twin, plugins, store)
    pasted = run(task, "control/paste-garment", twin, plugins, store)
    assert oracle.metric("ssim").value == pytest.approx(1, abs=1e-6)
    assert oracle.metric("mse").value == 0
    assert 0 < pasted.metric("ssim").value < 1
    assert (copied.metric("mse").value == 0) == task.endswith("-paired")
    # The real side is the photos of these very persons, so copying them is at no distance, paired or not.
    assert copied.metric("fd-efficientnet-lite0").value == pytest.approx(0, abs=1e-6)
    assert pasted.metric("fd-efficientnet-lite0").value > 1
    made = [row for row in image_rows(store.read_predictions(pasted.predictions)) if row.side == "generated"]
    assert len(made) == pasted.metric("ssim").n > 1
    # The garment itself is consistent with its photo; whoever keeps the old one loses, unless it is the wanted one.
    worn = [one.metric("garment-consistency-efficientnet-lite0").value for one in (copied, oracle, pasted)]
    assert worn == sorted(worn)
    assert (worn[0] == worn[1]) == task.endswith("-paired")
    assert worn[2] > worn[1]
    assert all(row.garment for row in made)
    assert all((store.root / "images" / row.image[:2] / f"{row.image}.png").is_file() for row in made)


def test_copying_the_person_loses_garment_consistency_for_every_person(twin, plugins, store):
    names = ("control/copy-person", "control/paste-garment")
    records = [run("atelier/dress-code-unpaired", name, twin, plugins, store) for name in names]
    parts = [record.metric("garment-consistency-efficientnet-lite0") for record in records]
    copied, pasted = (store.predictions.read_values(part.values).to_pydict() for part in parts)
    assert copied["item"] == pasted["item"]
    assert all(one < two for one, two in zip(copied["value"], pasted["value"], strict=True))


def test_a_warped_garment_is_nearer_to_the_truth_than_a_pasted_one_and_more_consistent_than_the_old_one(
    twin, plugins, store
):
    names = ("control/copy-person", "control/paste-garment", "baseline/tps-warp")
    copied, pasted, warped = (run("atelier/dress-code-unpaired", name, twin, plugins, store) for name in names)
    assert warped.metric("mse-garment").value < pasted.metric("mse-garment").value
    consistency = "garment-consistency-efficientnet-lite0"
    assert copied.metric(consistency).value < warped.metric(consistency).value < pasted.metric(consistency).value


@pytest.mark.parametrize(
    "task", ["atelier/mgd-paired", "atelier/mgd-unpaired", "atelier/dress-code-unpaired", "atelier/openvton-paired"]
)
def test_the_oracle_makes_the_true_image(task, twin, plugins, store):
    oracle = run(task, "control/oracle-image", twin, plugins, store)
    assert oracle.metric("ssim").value == oracle.metric("ssim-garment").value == 1
    assert oracle.metric("mse").value == oracle.metric("mse-garment").value == 0
    made = store.read_predictions(oracle.predictions).column("side").to_pylist().count("generated")
    assert oracle.metric("ssim").n == made > 1


def test_distances_are_taken_by_category_too(twin, plugins, store):
    """Of the features that the whole distance is made of, which the cache keeps."""
    record = run("atelier/dress-code-paired", "control/paste-garment", twin, plugins, store)
    names = {"dresses", "lower_body", "upper_body"}
    for metric in ("kd-efficientnet-lite0", "fd-efficientnet-lite0", "ssim"):
        parts = {part.slice: part for part in record.metrics if part.id == metric}
        assert set(parts) == {"all", *names}
        assert sum(parts[name].n for name in names) == parts["all"].n


@pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH")
def test_the_oracle_says_the_reference(twin, plugins, store):
    oracle = run("atelier/fashion-iq-cap-captioning", "control/oracle", twin, plugins, store)
    assert oracle.metric("bleu-4").value == pytest.approx(1, abs=1e-9)
    assert oracle.metric("cider").value == pytest.approx(10, abs=1e-9)
    assert oracle.metric("style-distance").value == oracle.metric("empty-captions").value == 0


def test_repainting_is_another_protocol_and_flatters(twin, plugins, store):
    plain = run("atelier/viton-hd-paired", "control/paste-garment", twin, plugins, store)
    again = run("atelier/viton-hd-paired-repaint", "control/paste-garment", twin, plugins, store)
    assert plain.protocol.hash != again.protocol.hash
    assert again.metric("ssim").value >= plain.metric("ssim").value - 1e-9


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH")
def test_java_off_and_then_on_gives_meteor_without_asking_the_backend_again(twin, tmp_path, monkeypatch, plugins):
    import toy_plugin

    class Captioner:
        calls = []

        def __init__(self, context):
            pass

        def caption(self, items, instruction):
            self.calls.append(len(items))
            return ["a red dress"] * len(items)

    monkeypatch.setattr(toy_plugin, "Captioner", Captioner, raising=False)
    spec = dataclasses.replace(
        plugins.backends["control/frequent-caption"], id="t/captioner", target="toy_plugin:Captioner", options={},
        fits=False, control=False,
    )  # fmt: skip
    plugins.backends.put(spec, Origin("t", "t", "1"))
    config = {
        "tasks": "atelier/fashiongen-captioning-products", "backends": "t/captioner", "limit": 5,
        "data": {"atelier": twin},
    }  # fmt: skip

    def run():
        return api.run(config, store=tmp_path / "store", plugins=plugins)[0]

    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        without.delenv("JAVA_HOME", raising=False)
        off = run()
    on = run()
    assert "meteor" in {part.id for part in off.absent}
    assert off.metric("meteor") is None
    assert 0 < on.metric("meteor").value < 1
    assert "meteor" not in {part.id for part in on.absent}
    assert "meteor" in on.rescored.metrics
    assert (on.predictions, on.supersedes) == (off.predictions, off.record_id)
    assert Captioner.calls == [5, 1]  # one of them again, in another batch
    assert run() == on


@pytest.mark.parametrize("task", ["atelier/viton-hd-try-off", "atelier/dress-code-try-off"])
def test_a_garment_that_is_cut_out_is_nearer_to_its_photo_than_the_whole_person(task, twin, plugins, store):
    names = ("control/copy-person", "control/crop-garment", "control/oracle-image")
    copied, cut, oracle = (run(task, name, twin, plugins, store) for name in names)
    assert copied.metric("mse").value > cut.metric("mse").value > oracle.metric("mse").value == 0
    far, nearer, none = (one.metric("fd-efficientnet-lite0").value for one in (copied, cut, oracle))
    assert far > nearer > none == pytest.approx(0, abs=1e-6)
    # SSIM need not agree: on Dress Code the whole person, on its even wall, is ahead of the cutting.
    assert max(copied.metric("ssim").value, cut.metric("ssim").value) < oracle.metric("ssim").value == 1


@pytest.mark.acceptance
def test_copies_of_garment_and_style_each_lack_what_the_other_has(twin, plugins, store):
    names = ("control/copy-garment", "control/copy-style", "baseline/colour-statistics", "control/oracle-image")
    garment, style, moved, oracle = (run("atelier/style-transfer", name, twin, plugins, store) for name in names)
    shapes, colours, likeness = (
        [one.metric(name).value for one in (garment, style, moved, oracle)]
        for name in ("silhouette-iou", "garment-colour-distance", "truth-similarity-efficientnet-lite0")
    )
    assert shapes[0] > 0.95 and shapes[3] > 0.95 and shapes[1] < 0.75
    assert colours[0] > colours[1] > colours[2] > colours[3] == 0
    assert max(likeness[:3]) < likeness[3] == pytest.approx(1, abs=1e-6)
    parts = {part.slice: part.n for part in garment.metrics if part.id == "garment-colour-distance"}
    assert parts.keys() == {"all", "solid", "patterned"}
    assert parts["solid"] + parts["patterned"] == parts["all"] > 10


def test_the_list_with_the_wanted_product_is_preferred(twin, plugins, store):
    task = "atelier/hp-fashion-iq-preference"
    constant, oracle = (run(task, f"control/{name}", twin, plugins, store) for name in ("constant", "oracle"))
    assert constant.metric("preference-accuracy").value == 0.5
    assert oracle.metric("preference-accuracy").value == oracle.metric("preference-ratio").value == 1

"""Metrics of images are functions of stored predictions: computed later, without the backend, from the same images."""

from __future__ import annotations

import dataclasses
import math
import shutil
from importlib.metadata import EntryPoint, entry_points

import pyarrow as pa
import pytest
import toy_images
from PIL import Image

from fashionbench import api
from fashionbench.errors import ConfigError, MetricError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Estimate, Silent
from fashionbench.runner.execute import process_facts
from fashionbench.runner.rescoring import question_of, rescore_store, rescored

#: Of red images and grey persons of mean 125: (200, 0, 0) against (125, 125, 125).
DISTANCE = math.sqrt(75**2 + 125**2 + 125**2)


@pytest.fixture
def plugins():
    points = [*entry_points(group="fashionbench"), EntryPoint("toy-images", "toy_images", "fashionbench")]
    toy_images.Red.asked.clear()
    toy_images.Mean.seen.clear()
    toy_images.Mean.loaded.clear()
    return Plugins(strict=True, points=points)


@pytest.fixture
def data(tmp_path):
    return toy_images.write(tmp_path / "clothes")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    path = tmp_path / "weights.txt"
    monkeypatch.setenv(toy_images.WEIGHTS, str(path))
    return path


def run(plugins, store, data, *backends, reporter=None, **more):
    fields = {"tasks": "toy/clothes", "backends": list(backends), "data": {"toy-clothes": data}, **more}
    records = api.run(fields, plugins=plugins, store=store, reporter=reporter)
    assert [record.error for record in records] == [None] * len(backends)
    return records


def test_a_metric_whose_weights_come_later_is_computed_without_asking_the_backend_again(plugins, store, data, weights):
    (first,) = run(plugins, store, data, "toy/red")
    assert toy_images.Red.asked == [f"{name}_garment" for name in toy_images.PERSONS]
    assert [part.id for part in first.absent] == ["toy-distance"]
    assert "there are no weights at" in first.absent[0].reason
    # Red against grey g, a channel at a time: ((200 - g)² + 2 g²) / 3, over four persons.
    errors = [((200 - g) ** 2 + 2 * g**2) / 3 / 255**2 for g in toy_images.PERSONS.values()]
    assert first.metric("mse").value == pytest.approx(sum(errors) / 4)
    reporter = Counting()
    assert run(plugins, store, data, "toy/red", reporter=reporter) == [first]  # its weights are still not there
    assert (toy_images.Mean.seen, reporter.done) == ([], {})

    weights.write_text("2")
    (again,) = run(plugins, store, data, "toy/red")
    assert again.metric("toy-distance").value == pytest.approx(2 * DISTANCE, rel=1e-6)
    assert again.metric("toy-distance").implementation == "toy.toy-distance/1@toy-mean x 2.0"
    assert again.absent == ()
    assert again.predictions == first.predictions
    assert again.rescored.metrics == ("toy-distance",)
    assert [part for part in again.metrics if part.id != "toy-distance"] == list(first.metrics)
    assert len(toy_images.Red.asked) == 4


def test_the_real_side_is_looked_at_once_for_two_backends_and_other_weights_look_again(plugins, store, data, weights):
    weights.write_text("1")
    red, copy = run(plugins, store, data, "toy/red", "toy/copy")
    greys = [(g, g, g) for g in toy_images.PERSONS.values()]
    # Four red images are one, and a copy of a person is the photo of the real side.
    assert sorted(toy_images.Mean.seen) == sorted([toy_images.RED, *greys])
    assert toy_images.Mean.loaded == [str(weights)]
    assert red.metric("toy-distance").value == pytest.approx(DISTANCE, rel=1e-6)
    assert copy.metric("toy-distance").value == 0
    toy_images.Mean.seen.clear()
    assert run(plugins, store, data, "toy/red", "toy/copy") == [red, copy]
    assert toy_images.Mean.seen == []
    asked = len(toy_images.Red.asked)
    weights.write_text("3")
    (other,) = run(plugins, store, data, "toy/red")
    assert other.metric("toy-distance").value == pytest.approx(3 * DISTANCE, rel=1e-6)
    assert other.metric("toy-distance").implementation == "toy.toy-distance/1@toy-mean x 3.0"
    assert len(toy_images.Mean.seen) == 5
    # Back to the first weights: their features are still there, and the value is theirs again.
    weights.write_text("1")
    (back,) = run(plugins, store, data, "toy/red")
    assert back.metric("toy-distance").value == pytest.approx(DISTANCE, rel=1e-6)
    assert len(toy_images.Mean.seen) == 5
    assert len(toy_images.Red.asked) == asked


def test_without_the_cache_features_are_computed_anew_and_are_the_same(plugins, store, data, weights):
    weights.write_text("1")
    red, copy = run(plugins, store, data, "toy/red", "toy/copy", embedding_cache=False)
    assert len(toy_images.Mean.seen) == 5 + 4
    assert red.metric("toy-distance").value == pytest.approx(DISTANCE, rel=1e-6)
    assert copy.metric("toy-distance").value == 0


def rescore(plugins, store, metrics=(), data=None):
    """Rescore the store, with the data set at hand or without."""
    said = []
    if data is None:
        made = rescore_store(store, plugins, process_facts(plugins), said.append, further=metrics)
    else:
        made = api.rescore(store, data={"toy-clothes": data}, metrics=metrics, plugins=plugins, say=said.append)
    return made, said


def test_an_image_metric_of_a_plugin_works_on_a_stored_record(plugins, store, data, weights):
    weights.write_text("1")
    run(plugins, store, data, "toy/red", "toy/copy")
    asked = len(toy_images.Red.asked)
    made, said = rescore(plugins, store, ["toy-mean-absolute-error"], data)
    assert said == [f"toy/clothes × toy/{name}: computed toy-mean-absolute-error" for name in ("red", "copy")]
    values = [record.metric("toy-mean-absolute-error") for record in made]
    greys = toy_images.PERSONS.values()
    assert values[0].value == pytest.approx(sum((abs(200 - g) + 2 * g) / 3 / 255 for g in greys) / 4)
    assert values[0].n == 4
    assert (values[0].interval, values[0].interval_method) == (None, "none: 4 clusters are fewer than 40")
    assert (values[1].value, values[1].interval_method) == (0, "none: the 4 clusters have one value, 0")
    assert len(toy_images.Red.asked) == asked
    assert rescore(plugins, store, ["toy-mean-absolute-error"], data) == ([], [])
    with pytest.raises(ConfigError, match="mrr reads predictions of the schema ranking/1, and no record of"):
        rescore(plugins, store, ["mrr"], data)
    with pytest.raises(UnknownNameError, match="no-such"):
        rescore(plugins, store, ["no-such"], data)


def test_a_task_may_name_a_metric_of_a_plugin(plugins, store, data, weights):
    weights.write_text("1")
    (first,) = run(plugins, store, data, "toy/copy")
    task = plugins.tasks["toy/clothes"]
    plugins.tasks.put(dataclasses.replace(task, metrics=(*task.metrics, "toy-mean-absolute-error")), None)
    (again,) = run(plugins, store, data, "toy/copy")
    assert again.metric("toy-mean-absolute-error").value == 0
    assert again.supersedes == first.record_id


def test_a_true_image_that_has_changed_is_noticed_and_named(plugins, store, data, weights):
    weights.write_text("1")
    (first,) = run(plugins, store, data, "toy/red")
    Image.new("RGB", (16, 16), (101, 100, 100)).save(data / "b.png")
    made, said = rescore(plugins, store, ["toy-mean-absolute-error"], data)
    assert made == []
    assert len(said) == 1
    assert "the true image of b_garment is not the one that was there when the backend was asked" in said[0]
    toy_images.write(data.with_name("whole"))
    made, _ = rescore(plugins, store, ["toy-mean-absolute-error"], data.with_name("whole"))
    assert made[0].supersedes == first.record_id


@pytest.mark.parametrize(
    ("changed", "metric", "said"),
    [
        ("mask", "mse", "the mask of a_garment is not the one"),
        ("b", "mse", "the true image of b_garment is not the one"),
        ("b", "toy-distance", "the photo of b is not the one"),
    ],
)
def test_masks_and_real_photos_are_compared_with_their_hashes_too(plugins, store, data, weights, changed, metric, said):
    run(plugins, store, data, "toy/red")
    other = Image.new("RGB", (16, 16), "white")
    other.paste("black", (0, 0, 16, 8))  # white at the bottom, so that it is a mask too
    other.save(data / f"{changed}.png")
    if metric == "mse":
        plugins.metrics.put(dataclasses.replace(plugins.metrics["mse"], implementation="fashionbench.mse/99"), None)
    else:
        weights.write_text("1")
    made, told = rescore(plugins, store, data=data)
    assert made == []
    assert len(told) == 1
    assert f"{metric} cannot be computed: {said}" in told[0]


def test_without_the_data_set_a_metric_that_needs_it_says_so_and_features_that_are_kept_do_not(
    plugins, store, data, weights
):
    weights.write_text("1")
    run(plugins, store, data, "toy/red")
    shutil.rmtree(data)
    for name in ("mse", "toy-distance"):
        spec = plugins.metrics[name]
        plugins.metrics.put(dataclasses.replace(spec, implementation=f"{name}/99"), None)
    (made,), said = rescore(plugins, store)
    assert made.metric("toy-distance").implementation.startswith("toy-distance/99@")
    assert made.metric("mse").implementation == "fashionbench.mse/1"  # stays as it was
    assert "the true image of a_garment lies with the data set, which was not opened" in said[0]
    assert "--data" in said[0]
    _, said = rescore(plugins, store, data=data)
    assert "its data cannot be opened" in said[0]


def test_a_generated_image_that_is_damaged_is_noticed(plugins, store, data, weights):
    run(plugins, store, data, "toy/red")
    (path,) = (store.root / "images").rglob("*.png")
    Image.new("RGB", (16, 16), "blue").save(path)
    made, said = rescore(plugins, store, ["toy-mean-absolute-error"], data)
    assert made == []
    assert path.name in said[0] and "was altered or damaged" in said[0]
    path.unlink()
    assert "is missing" in rescore(plugins, store, ["toy-mean-absolute-error"], data)[1][0]


def test_predictions_of_the_first_schema_are_not_rescorable_and_say_so(plugins, store, data, weights):
    (first,) = run(plugins, store, data, "toy/red")
    old = store.write_predictions(pa.table({"item_id": ["a"], "value:mse": [0.5]}), "images/1")
    store.add(first.model_copy(update={"predictions": old, "supersedes": first.record_id}))
    weights.write_text("1")
    made, said = rescore(plugins, store, data=data)
    assert made == []
    (text,) = said
    assert "toy/red: toy-distance read images/2, and the stored predictions are images/1" in text
    assert "run the cell again with --rerun" in text
    (record,) = store.scan().current()
    with pytest.raises(MetricError, match="are images/1"):
        rescored(
            record, plugins.tasks["toy/clothes"], ("toy-distance",), question_of(record), plugins, store,
            process_facts(plugins),
        )  # fmt: skip


class Counting(Silent):
    """Keeps totals and what is done."""

    def __init__(self):
        self.estimate = Estimate()
        self.totals = []
        self.done = {}

    def begin(self, name, items=None):
        self.estimate = Estimate()
        self.done = {}

    def expect_work(self, kind, count):
        self.estimate.expect(kind, count)

    def advance(self, count, kind=""):
        self.estimate.advance(count, kind)
        self.done[kind] = self.done.get(kind, 0) + count
        self.totals.append(self.estimate.total)


def test_progress_counts_features_and_comparisons(plugins, store, data, weights):
    weights.write_text("1")
    reporter = Counting()
    run(plugins, store, data, "toy/red", reporter=reporter)
    assert reporter.done == {"try-on": 4, "comparison": 4, "features": 8, "metric": 3}
    assert set(reporter.totals) == {19}  # all of it was announced before the first image
    plugins.metrics.put(dataclasses.replace(plugins.metrics["toy-distance"], implementation="toy/99"), None)
    reporter.totals.clear()
    run(plugins, store, data, "toy/red", reporter=reporter)
    assert reporter.done == {"features": 8, "metric": 1}
    assert set(reporter.totals) == {9}


def test_nothing_is_expected_of_an_extractor_that_is_not_there(plugins, store, data, weights):
    reporter = Counting()
    run(plugins, store, data, "toy/red", reporter=reporter)
    assert reporter.done == {"try-on": 4, "comparison": 4, "metric": 3}
    assert set(reporter.totals) == {11}

"""The difference of two distances between sets of images, against leaving each person out by hand."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from fashionbench import ProtocolCard, TaskSpec
from fashionbench.errors import MetricError
from fashionbench.metrics.contract import Outcome
from fashionbench.metrics.generation.frechet import frechet_of_features, person_influences
from fashionbench.metrics.generation.kernel_mmd import off_diagonal_distance, off_diagonal_influences
from fashionbench.metrics.generation.persons import Persons
from fashionbench.metrics.scoring import score
from fashionbench.predictions.base import Predictions
from fashionbench.records.schema import MetricPart
from fashionbench.specs import MetricSpec
from fashionbench.statistics.jackknife import error_of
from fashionbench.studies.whole_sets import whole_set

PERSONS = 80


@pytest.fixture(scope="module")
def sides():
    """Features of real photos, and of two systems that err alike."""
    rng = np.random.default_rng(3)
    real = rng.normal(size=(PERSONS, 4))
    shared = real + rng.normal(0.6, 0.5, size=real.shape)
    return real, shared + rng.normal(0.4, 0.1, size=real.shape), shared + rng.normal(0.0, 0.1, size=real.shape)


def jackknife(distance, real, one, two):
    """Leave out each person, recompute both distances, and take the error of their difference."""
    without = []
    for person in range(PERSONS):
        keep = np.arange(PERSONS) != person
        without.append(distance(two[keep], real[keep]) - distance(one[keep], real[keep]))
    spread = np.array(without) - np.mean(without)
    return math.sqrt((PERSONS - 1) / PERSONS * (spread**2).sum())


def matched(count=PERSONS):
    return Persons(np.arange(count), np.arange(count))


def test_the_joint_error_of_two_kernel_distances_is_the_jackknife_of_their_difference(sides):
    real, one, two = sides
    moved = [off_diagonal_influences(side, real, matched())[1] for side in (one, two)]

    def distance(made, photos):
        return off_diagonal_distance(made, photos, matched(len(made))).value

    assert error_of(moved[1] - moved[0]) == pytest.approx(jackknife(distance, real, one, two), rel=1e-9)
    assert error_of(moved[1] - moved[0]) < 0.75 * math.hypot(*(error_of(one) for one in moved))


def test_the_joint_error_of_two_frechet_distances_is_near_the_jackknife_of_their_difference(sides):
    real, one, two = sides
    moved = [person_influences(side, real, matched()) for side in (one, two)]
    assert error_of(moved[1] - moved[0]) == pytest.approx(jackknife(frechet_of_features, real, one, two), rel=0.15)


def part(value, n=PERSONS, **more):
    fixed = {"id": "fid", "implementation": "i", "unit": "distance", "higher_is_better": False, "biased_below": 10}
    return MetricPart.model_validate({**fixed, "value": value, "n": n, **more})


def record(*parts):
    return SimpleNamespace(metrics=parts, metric=lambda name, label="all": next(p for p in parts if p.slice == label))


def compared(store, one, two):
    (made,) = whole_set("fid", [[record(one)], [record(two)]], (store, store))
    return made


def test_units_of_both_systems_are_subtracted_one_by_one(store, keep):
    found = []
    for values in ({"a": 1.0, "b": -1.0, "c": 0.0}, {"c": 1.0, "b": -1.0, "a": 0.0}, {"a": 1.0, "d": -1.0}):
        kept = keep(values)
        found.append(part(2.0 + len(found), standard_error=3.0, values=kept))
    joint = compared(store, found[0], found[1])
    error = math.sqrt(3 / 2 * (1 + 0 + 1))
    assert joint.interval == pytest.approx((1 - 1.959964 * error, 1 + 1.959964 * error), rel=1e-6)
    assert joint.method == "joint standard error over 3 units, normal"
    apart = compared(store, found[0], found[2])
    assert apart.method == "unpaired, of both systems' errors"
    assert (apart.interval[1] - apart.interval[0]) / 2 == pytest.approx(1.959964 * math.hypot(3, 3), rel=1e-6)


@pytest.fixture
def keep(store, monkeypatch):
    """Store influences as the scoring of a metric does; return the checksum of the file."""
    card = ProtocolCard.of("t/t", "1", {"average": "queries", "split": "s", "metrics": ("moved",)})
    task = TaskSpec(
        id="t/t", summary="s", target="t:t", version="1", kind="virtual-try-on", dataset="d", protocol=card, needs=(),
        metrics=("moved",), main_metric="moved",
    )  # fmt: skip
    spec = MetricSpec(
        id="moved", summary="s", target="moving_metric:compute", implementation="moved/1", predictions="images/2",
        unit="distance", higher_is_better=False,
    )  # fmt: skip
    predictions = Predictions("images/2", pa.table({"item_id": ["x"], "slice": ["all"], "cluster": ["x"]}))

    def write(values):
        def compute(table, arguments):
            return Outcome(value=1.0, influences=values)

        monkeypatch.setitem(sys.modules, "moving_metric", SimpleNamespace(compute=compute))
        scores = score(predictions, task, {"moved": spec}, "seed", keep=store.predictions.write_values)
        assert not scores.absent, scores.absent
        return scores.metrics[0].values

    return write


def test_distances_that_depend_on_n_are_not_compared_where_n_differs(store):
    with pytest.raises(MetricError, match="n differs: 79 and 80"):
        compared(store, part(1.0), part(2.0, n=79))


def test_a_system_without_an_error_gives_no_interval(store):
    assert compared(store, part(1.0, standard_error=1.0), part(2.0)).interval is None

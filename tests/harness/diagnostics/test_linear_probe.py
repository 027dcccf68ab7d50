"""Linear probes against ridge regression of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.preprocessing import StandardScaler

from fashionbench.diagnostics.linear_probe import PENALTIES, LinearProbe

RNG = np.random.default_rng(1)
LABELS = [("red", "green", "blue")[at % 3] for at in range(60)]
WANTED = np.array([[label == one for one in ("blue", "green", "red")] for label in LABELS], dtype=float)
ROWS = RNG.normal(size=(60, 12)) * np.linspace(0.1, 5, 12) + 0.7 * WANTED @ RNG.normal(size=(3, 12))


def test_it_says_what_the_ridge_regression_of_least_leave_one_out_error_says():
    fit, test = ROWS[:40], ROWS[40:]
    scaler = StandardScaler().fit(fit)
    seen, asked = (scaler.transform(rows) / np.sqrt(12) for rows in (fit, test))
    models = [Ridge(alpha=40 * penalty) for penalty in PENALTIES]
    errors = [((cross_val_predict(m, seen, WANTED[:40], cv=LeaveOneOut()) - WANTED[:40]) ** 2).mean() for m in models]
    best = models[int(np.argmin(errors))].fit(seen, WANTED[:40])
    said = [("blue", "green", "red")[at] for at in best.predict(asked).argmax(axis=1)]
    assert LinearProbe(fit).predict(LABELS[:40], test) == said


def test_a_representation_of_one_value_gives_the_most_frequent_class():
    labels = ["rare", *["often"] * 9]
    assert LinearProbe(np.full((10, 4), 0.1)).predict(labels, np.ones((2, 4))) == ["often", "often"]


def test_more_columns_than_rows_and_columns_of_rounding_do_no_harm():
    wide = np.hstack([WANTED, 1e-12 * RNG.normal(size=(60, 200)), np.ones((60, 1))])
    assert LinearProbe(wide[:40]).hits(LABELS[:40], wide[40:], LABELS[40:]).mean() == 1


def test_labels_that_have_nothing_to_do_with_rows_are_read_off_at_chance():
    rows = RNG.normal(size=(400, 6))
    labels = RNG.choice(["a", "b"], size=400).tolist()
    assert LinearProbe(rows[:200]).hits(labels[:200], rows[200:], labels[200:]).mean() == pytest.approx(0.5, abs=0.1)

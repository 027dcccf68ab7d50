"""Plots of a phase: where points stand, what has a panel, and round values on the axes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.training.plots import draw, smooth, ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(lines, path):
    root = ET.fromstring(draw("1a <x>", lines, path / "curves" / "a.svg").read_text())
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("font-weight")]
    curves = {
        line.find(f"{SVG}title").text: [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in root.iter(f"{SVG}polyline")
    }
    return titles, curves, root


def test_each_kind_has_a_panel_and_each_point_its_place(tmp_path):
    lines = [
        {"step": 1, "lr": 9.0, "itc": 4.0, "held/recall": 0.5},
        {"step": 2, "lr": 9.0, "itc": float("nan")},
        {"step": 3, "lr": 9.0, "itc": 2.0, "cosine": 1.0},
        {"step": 5, "lr": 9.0, "itc": 3.0, "held/recall": 0.75, "cosine": 0.5},
    ]
    titles, curves, root = drawn(lines, tmp_path)
    assert titles == ["1a <x>: loss", "1a <x>: held out", "1a <x>: drift"]
    assert set(curves) == {"itc", "recall", "cosine"}
    (first, top), (middle, bottom), (last, half) = curves["itc"]
    # The first step is as far left as the last is right; 3 is half-way between 2 and 4, and high values stand high.
    assert middle == pytest.approx((first + last) / 2) and half == pytest.approx((top + bottom) / 2)
    assert first < last and top < bottom
    assert curves["recall"][0][0] - first == pytest.approx(int(root.get("width")) / 3)


def test_one_point_is_a_dot_in_the_middle(tmp_path):
    _, curves, root = drawn([{"step": 3, "itc": 2.0}], tmp_path)
    (dot, again), labels = curves["itc"], {text.text: text for text in root.iter(f"{SVG}text")}
    assert dot == again
    # Beside the 2 and above the 3 of the axes.
    assert dot == pytest.approx((float(labels["3"].get("x")), float(labels["2"].get("y")) - 4))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 400, [100, 200, 300, 400]),
        (-0.07, 0.11, [-0.05, 0, 0.05, 0.1]),
        (2, 2, [2]),
    ],
)
def test_axes_have_round_values(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_values_are_averaged_with_those_before():
    assert smooth([1, 3, 5, 7], 2) == [1, 2, 4, 6]

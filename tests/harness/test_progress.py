"""What is printed of a run where nobody watches a terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from fashionbench import progress


@pytest.fixture
def told(monkeypatch):
    """Bars on a file, whose clock is set by hand."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    out = StringIO()
    with progress.Bars(3, Console(file=out)) as bars:
        yield bars, clock, out


def test_a_finished_cell_is_a_line(told):
    bars, _, out = told
    bars.begin("one", 4)
    bars.advance(4)
    bars.end("ok")
    bars.expect(2)
    bars.begin("two", None)
    bars.end("failed [red]")
    assert out.getvalue().splitlines() == ["[1/3] one: ok", "[2/2] two: failed [red]"]


def test_a_long_cell_says_once_a_minute_how_much_is_left(told):
    bars, clock, out = told
    bars.begin("long", 100)
    for second in range(1, 131):
        clock[0] = second
        if second % 10 == 0:
            bars.advance(5)
    # 30 in 60 s leave 70 for 140 s; 60 in 120 s leave 40 for 80 s.
    assert out.getvalue().splitlines() == ["long: 30 of 100, 0:02:20 left", "long: 60 of 100, 0:01:20 left"]


def test_without_a_number_of_items_nothing_is_foretold(told):
    bars, clock, out = told
    bars.begin("endless", None)
    clock[0] = 61.0
    bars.advance(7)
    assert out.getvalue() == "endless: 7\n"


def work(*parts):
    """Simulate work in batches of 32 as a retrieval does it: the first batch of each kind, then the rest in order.

    :param parts: kind, items, seconds an item.
    :returns: for each step, the time so far, the estimate of the rest, done and total.
    """
    clock = [0.0]
    estimate = progress.Estimate(lambda: clock[0])
    for kind, count, _ in parts:
        estimate.expect(kind, count)
    batches = [[(kind, min(32, count - at), pace) for at in range(0, count, 32)] for kind, count, pace in parts]
    steps = []
    for kind, size, pace in [*(rows[0] for rows in batches), *(one for rows in batches for one in rows[1:])]:
        clock[0] += size * pace
        estimate.advance(size, kind)
        steps.append((clock[0], estimate.remaining(), estimate.done, estimate.total))
    return steps


@pytest.mark.parametrize(
    "parts",
    [
        [("encode-image", 2000, 0.01), ("encode-text", 2000, 0.001)],
        [("encode-text", 5000, 0.0005), ("encode-image", 1000, 0.03)],
        [("encode-image", 800, 0.02), ("encode-text", 800, 0.001), ("score-pairs", 4000, 0.004)],
    ],
)
def test_the_estimate_is_within_a_third_of_the_truth_after_a_tenth_of_the_time(parts):
    steps = work(*parts)
    whole = steps[-1][0]
    for now, left, done, total in steps:
        assert done <= total
        if now >= whole / 10:
            assert left == pytest.approx(whole - now, rel=1 / 3, abs=whole / 100)
    assert steps[-1][1] == 0
    assert steps[-1][2] == steps[-1][3] == sum(count for _, count, _ in parts)


def test_more_than_was_announced_raises_the_total():
    estimate = progress.Estimate()
    estimate.expect("caption", 3)
    estimate.advance(5, "caption")
    assert (estimate.done, estimate.total) == (5, 5)


def test_what_was_done_before_an_interruption_counts_and_says_nothing_of_the_pace():
    clock = [0.0]
    estimate = progress.Estimate(lambda: clock[0])
    estimate.expect("", 800)
    clock[0] = 30.0  # reading the checkpoint is no step
    estimate.advance(500, progress.EARLIER)
    assert (estimate.done, estimate.total, estimate.remaining()) == (500, 800, None)
    for _ in range(100):
        clock[0] += 2.0
        estimate.advance(1, "")
    assert (estimate.done, estimate.total) == (600, 800)
    assert estimate.remaining() == pytest.approx(400)
    estimate.advance(200, "")
    assert (estimate.done, estimate.total, estimate.remaining()) == (800, 800, 0)


def test_the_phases_of_a_training_are_lines_and_no_cells(told):
    bars, _, out = told
    phases = progress.PhaseReporter(bars, "training")
    phases.expect(6)
    phases.begin("1a", 10)
    phases.advance(10)
    phases.end("score 0.5")
    bars.begin("cell", None)
    bars.end("ok")
    assert out.getvalue().splitlines() == ["training, 1a: score 0.5", "[1/3] cell: ok"]

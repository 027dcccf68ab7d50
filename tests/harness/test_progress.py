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

"""What a table shows: the best among those that compete, ranks and their group, n once, intervals on one scale."""

from __future__ import annotations

import re

import pytest

from fashionbench.boards.table import Against, ColumnTests, Head, Row, Table, Value
from fashionbench.specs import Column
from fashionbench_leaderboards.site.links import Links
from fashionbench_leaderboards.site.table_view import table_view

COLUMN = Column(task="t", metric="m")


def view(values, *, higher=True, tests=(), marks=None, controls=()):
    rows = tuple(
        Row(f"lab/{at}", f"lab/{at}", "measured", at in controls, tuple((marks or {}).get(at, ())), (value,))
        for at, value in enumerate(values)
    )
    table = Table("Title", (Head(COLUMN, "M", None, higher_is_better=higher),), rows, tests=tests)
    return table_view(table, "Board", Links(), 0)


def fraction(value, n=10, interval=None):
    return Value(value=value, unit="fraction", n=n, interval=interval)


@pytest.mark.parametrize(("higher", "best"), [(True, [3]), (False, [4])])
def test_the_best_is_of_rows_that_compete(higher, best):
    values = [fraction(v) for v in (0.9 if higher else 0.1, 0.95 if higher else 0.05, 0.8 if higher else 0.2, 0.6, 0.4)]
    shown = view(values, higher=higher, controls={0}, marks={1: ["privileged"], 2: ["partial"]})
    assert [at for at, row in enumerate(shown.rows) if row.cells[0].best] == best
    assert [row.cells[0].partial for row in shown.rows] == [False, False, True, False, False]


def test_n_stands_in_the_head_where_all_share_it_and_else_below_each_value():
    alike = view([fraction(0.5), fraction(0.25), Value(reason="not run")])
    assert alike.heads[0].details == ("n = 10",)
    assert [row.cells[0].detail for row in alike.rows] == ["", "", "not run"]
    mixed = view([fraction(0.5, interval=(0.25, 0.75)), fraction(0.25, n=9)])
    assert mixed.heads[0].details == ()
    assert [row.cells[0].detail for row in mixed.rows] == ["[25.00, 75.00], n = 10", "n = 9"]


def test_ranks_and_the_group_of_the_best_are_those_of_the_tests():
    tests = ColumnTests(
        ranks=((1, 2), (1, 2), (3, 3), None),
        tied_with_best=(True, True, False, False),
        detectable=0.125,
        reference=2,
        base=True,
        against=(Against(difference=0.2, interval=(0.1, 0.3), wins=4, ties=1, losses=2), None, None, None),
        method="a test",
    )
    shown = view([fraction(v) for v in (0.6, 0.5, 0.4, 0.9)], tests=(tests,), controls={3})
    cells = [row.cells[0] for row in shown.rows]
    assert cells[0].standing == "rank 1–2; +20.00 [10.00, 30.00], 4/1/2 won/tied/lost"
    assert [cell.standing for cell in cells[1:]] == ["rank 1–2", "rank 3", ""]
    assert [cell.among_best for cell in cells] == [True, True, False, False]
    assert [cell.best for cell in cells] == [True, False, False, False]
    assert shown.heads[0].details == ("n = 10", "detectable 12.50")
    assert shown.tested[0] == "M: ranks by a test"


def test_intervals_of_a_column_are_drawn_on_one_scale():
    shown = view([fraction(0.5, interval=(0.25, 1.0)), fraction(0.25, interval=(0.0, 0.5)), fraction(0.75)])
    drawings = [row.cells[0].drawing for row in shown.rows]
    ends = [[float(x) for x in re.findall(r'x[12]="([\d.]+)"', text)[2:]] for text in drawings[:2]]
    dots = [float(re.search(r'cx="([\d.]+)"', text).group(1)) for text in drawings[:2]]
    # 84 units wide behind a margin of 4: a quarter is 21.
    assert ends == [[25.0, 88.0], [4.0, 46.0]]
    assert dots == [46.0, 25.0]
    assert drawings[2] == ""
    assert "<title>50.00, 95 % interval 25.00 to 100.00</title>" in drawings[0]


def test_rank_sets_are_bars_on_all_places_and_groups_stand_best_first():
    tests = ColumnTests(
        ranks=((2, 3), (1, 1), None, (2, 3)),
        tied_with_best=(False, True, False, False),
        groups=((3, 0),),
        method="a test",
    )
    shown = view([fraction(v) for v in (0.4, 0.9, 0.95, 0.5)], tests=(tests,), controls={2})
    bars = [row.cells[0].ranks for row in shown.rows]
    assert bars[2] == ""
    assert "places 2 to 3 of 3" in bars[0]
    ends = [[float(x) for x in re.findall(r'x[12]="([0-9.]+)"', bar)][2:] for bar in bars if bar]
    # One place of three is a third of the line, and the first place is on the left.
    assert [round(right - left) for left, right in ends] == [56, 28, 56]
    assert ends[1][0] < ends[0][0] == ends[2][0]
    (groups,) = shown.groups
    assert groups.rows == (("lab/1", "90.00"), ("lab/3", "50.00"), ("lab/0", "40.00"))
    assert "<title>not told apart: lab/3 = lab/0</title>" in groups.drawing
    dots = [float(x) for x in re.findall(r'cx="([0-9.]+)"', groups.drawing)]
    assert dots == sorted(dots, reverse=True)
    top, bottom = (float(re.search(rf'{end}="([0-9.]+)"', groups.drawing)[1]) for end in ("y1", "y2"))
    levels = [float(y) for y in re.findall(r'cy="([0-9.]+)"', groups.drawing)]
    assert [top < level < bottom for level in levels] == [False, True, True]


def test_a_column_whose_rows_are_all_told_apart_is_named():
    tests = ColumnTests(ranks=((2, 2), (1, 1)), tied_with_best=(False, True), method="a test")
    shown = view([fraction(0.4), fraction(0.9)], tests=(tests,))
    assert (shown.groups, shown.apart) == ((), ("M ↑",))


def test_a_column_without_ranks_has_no_bars():
    tests = ColumnTests(ranks=(None, None), tied_with_best=(False, False), reason="n differs between rows")
    shown = view([fraction(0.4), fraction(0.9, n=3)], tests=(tests,))
    assert (shown.groups, shown.apart) == ((), ())
    assert not any(row.cells[0].ranks for row in shown.rows)

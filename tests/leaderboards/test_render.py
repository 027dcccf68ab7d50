from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fashionbench import Board, api
from fashionbench.boards.table import Head, Row, Table, Value
from fashionbench.boards.text import figure, number, uncertainty
from fashionbench.control_characters import one_line
from fashionbench.specs import resolve
from fashionbench_leaderboards.markdown_escape import escape
from fashionbench_leaderboards.site.pages import asset


@pytest.fixture
def board(plugins, store):
    api.run(
        {"tasks": "toy/squares", "backends": ["toy/colour", "toy/raises"], "limit": 3}, plugins=plugins, store=store
    )
    record = api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)[0]
    evil = record.backend.model_copy(update={"id": "toy/<script>alert(1)</script>|`*"})
    store.add(record.model_copy(update={"backend": evil, "cell": "x", "supersedes": None}))
    card = record.card.replace(tie_rule="optimistic")
    protocol = record.protocol.model_copy(update={"hash": card.hash, "card": card.fields})
    store.add(record.model_copy(update={"protocol": protocol, "cell": "y", "supersedes": None}))
    (store.root / "records" / "damaged.json").write_text("{")
    return Board.of(plugins.boards["toy"], store, plugins)


@pytest.fixture
def render(plugins, board):
    return lambda name: resolve(plugins.reporters[name].target)(board)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text, self.open = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in {"src", "href"}]

    def handle_data(self, data):
        self.text += data


def test_html_is_one_page_without_network_and_escapes_everything(render):
    text = render("html")
    page = Page(text)
    assert page.links == []
    # The program that sorts names its makers' address; the page's policy lets it ask for nothing, as the rest must not.
    program = asset("dataTables.min.js").decode()
    assert program in text
    assert not re.search(r"https?://|url\(|@import", text.replace(program, ""))
    assert "default-src 'none'" in html.unescape(text)
    assert not re.search(r"(connect|img|font|frame)-src|unsafe", text.replace(program, ""))
    assert page.tags.count("script") == 1
    assert page.tags.count("table") == 2
    assert "<script>alert" not in text
    assert "toy/<script>alert(1)</script>|`*" in page.text
    assert "100.0" in page.text
    assert "error: ZeroDivisionError: a bug in a model" in text
    assert "This board is incomplete: 1 files" in page.text
    assert "Toy <board>" in page.text


def test_markdown_keeps_its_columns(render):
    text = render("markdown")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert widths == {4}
    assert "<script>" not in text
    assert "**Incomplete**: 1 files" in text
    assert "measured otherwise" in text
    assert "- toy/raises (limit=3), toy/squares hit@1: error: ZeroDivisionError: a bug in a model" in text


def test_csv_has_full_precision_and_no_formulas(render, board):
    rows = list(csv.DictReader(io.StringIO(render("csv"))))
    places = sum(len(table.rows) * len(table.heads) for table in board.tables)
    assert len(rows) == places
    best = next(row for row in rows if row["backend"] == "toy/colour" and row["metric"] == "hit@1")
    assert float(best["value"]) == 1.0
    assert best["protocol"].startswith("sha256:")
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())


def test_csv_disarms_formulas():
    from fashionbench_leaderboards.render.csv import _safe

    assert _safe("=1+1") == "'=1+1"
    assert _safe("@x") == "'@x"
    assert _safe("-0.5") == "-0.5"
    assert _safe("plain") == "plain"
    assert _safe("-x") == "'-x"
    assert _safe("'x") == "''x"


def test_json_is_everything(render, board):
    loaded = json.loads(render("json"))
    assert loaded["complete"] is False
    assert len(loaded["tables"]) == len(board.tables)
    assert set(loaded["protocols"]) == set(board.cards)
    assert loaded["faults"][0]["path"].endswith("damaged.json")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Value(value=0.53219, interval=(0.4, 0.6789), n=47, unit="fraction"), ("53.22", "[40.00, 67.89], n = 47")),
        (Value(value=12.5, interval=(3.0, 123456.0), n=47, unit="rank"), ("12.5", "[3, 123456], n = 47")),
        (
            Value(value=0.5, interval=(0.4, 0.6), sd_over_seeds=0.01234, n=47, seeds=3, unit="fraction"),
            ("50.00", "[40.00, 60.00], sd over 3 seeds 1.23, n = 47"),
        ),
        (
            Value(value=9.317, standard_error=0.26, n=2032, unit="distance"),
            ("9.32", "± 0.26 standard error at this n, n = 2032"),
        ),
        (Value(value=0.123456, n=9, unit="distance"), ("0.1235", "n = 9")),
        (Value(value=0.25, bound="lower", n=9, unit="fraction"), ("≥ 25.00", "n = 9")),
        (Value(reason="not run"), ("–", "")),
    ],
)
def test_words_for_numbers(value, words):
    assert (number(value), uncertainty(value)) == words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.0, "fraction", "100.00"),
        (0.99996, "fraction", ">99.99"),
        (0.99994, "fraction", "99.99"),
        (0.0, "fraction", "0.00"),
        (-0.0, "fraction", "0.00"),
        (0.00001, "fraction", "<0.01"),
        (-0.00001, "fraction", ">-0.01"),
        (-1.0, "fraction", "-100.00"),
        (-0.0, "distance", "0"),
        (-1.25e-05, "distance", "-1.25e-05"),
        (0.9999, "distance", "0.9999"),
        (0.99999, "distance", "1"),
        (99999.0, "rank", "99999"),
        (100000.5, "rank", "100000.5"),
        (123456.0, "count", "123456"),
        (123456.789, "distance", "123456.79"),
    ],
)
def test_a_figure_has_no_negative_zero_no_exponent_for_a_rank_and_100_only_when_exact(value, unit, text):
    assert figure(value, unit) == text


def _one_value(plugins, value, label="x", reason=""):
    column = plugins.boards["toy"].columns[0]
    row = Row("imported/x", label, "imported", False, (), (dataclasses.replace(value, reason=reason),))
    table = Table("t", (Head(column, "c", None),), (row,))
    return Board(plugins.boards["toy"], (table,))


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(value=_FLOATS, low=_FLOATS, high=_FLOATS, label=_TEXTS, reason=_TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(value=-1.25e-05, low=-9.1e-05, high=6.6e-05, label="'=1+1", reason='-x\r\n"y')
@example(value=0.0, low=0.0, high=0.0, label="+0", reason="")
@example(value=-1e300, low=-0.0, high=5e-324, label="-1", reason="'")
def test_csv_parses_back_to_the_same_floats_and_texts(plugins, value, low, high, label, reason):
    from fashionbench_leaderboards.render.csv import render

    board = _one_value(plugins, Value(value=value, interval=(low, high)), label, reason)
    text = render(board)
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert [float(row[name]) for name in ("value", "low", "high")] == [value, low, high]
    assert [row[name].removeprefix("'") for name in ("label", "reason")] == [one_line(label), one_line(reason)]
    assert not row["label"].startswith(("=", "+", "@", "\t", "\r"))


@given(label=_TEXTS, reason=_TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(label="a\rb\x07c\x1b[2Jd\u2028e", reason="| `x` <b>\r\n# y")
def test_no_text_breaks_a_row_of_markdown_or_latex(plugins, label, reason):
    from fashionbench_leaderboards.render.latex import render as latex
    from fashionbench_leaderboards.render.markdown import render as markdown

    board = _one_value(plugins, Value(value=0.5), label, reason)
    plain = _one_value(plugins, Value(value=0.5), "x", "x" if reason else "")
    for render in (markdown, latex):
        assert len(render(board).splitlines()) == len(render(plain).splitlines())
        assert not any(unicodedata.category(sign) == "Cc" for sign in render(board) if sign != "\n")


def test_every_text_of_csv_is_quoted_and_no_number_is(plugins):
    from fashionbench_leaderboards.render.csv import render

    head, line = render(_one_value(plugins, Value(value=0.25), "a, b\t\x07", "no\x1b[31m")).splitlines()
    assert all(name.startswith('"') and name.endswith('"') for name in head.split(","))
    assert '"a, b \ufffd"' in line and ",0.25," in line and '"no"' in line


def test_csv_leaves_a_place_without_a_number_empty(plugins):
    from fashionbench_leaderboards.render.csv import render

    (row,) = csv.DictReader(io.StringIO(render(_one_value(plugins, Value(reason="not run")))))
    assert [row[name] for name in ("value", "low", "high", "standard_error", "sd_over_seeds")] == [""] * 5


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("~~gone~~", "\\~\\~gone\\~\\~"), ("&lt;b&gt; &#60; R&D", "&amp;lt;b&amp;gt; &amp;#60; R&D"), ("$x$", "\\$x\\$"),
        ("a|b\r\nc", "a\\|b c"), ("<b>[x](y)`*_", "&lt;b&gt;\\[x\\](y)\\`\\*\\_"), ("a\\", "a\\\\"),
    ],
)  # fmt: skip
def test_a_text_in_markdown_is_that_text(text, escaped):
    assert escape(text) == escaped

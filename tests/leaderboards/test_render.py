from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from fashionbench import Board, api
from fashionbench.boards.table import Value
from fashionbench.boards.text import number, uncertainty
from fashionbench.specs import resolve


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
    assert not re.search(r"https?://|url\(|@import", text)
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
    assert "- toy/raises, toy/squares hit@1: error: ZeroDivisionError: a bug in a model" in text


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


def test_json_is_everything(render, board):
    loaded = json.loads(render("json"))
    assert loaded["complete"] is False
    assert len(loaded["tables"]) == len(board.tables)
    assert set(loaded["protocols"]) == set(board.cards)
    assert loaded["faults"][0]["path"].endswith("damaged.json")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Value(0.53219, (0.4, 0.6789), None, 47, 1, "fraction"), ("53.2", "[40.0, 67.9]")),
        (Value(12.5, (3.0, 1234.5678), None, 47, 1, "rank"), ("12.5", "[3, 1235]")),
        (Value(0.5, None, 0.01234, 47, 3, "fraction"), ("50.0", "± 1.2 (3 seeds)")),
        (Value(reason="not run"), ("–", "")),
    ],
)
def test_words_for_numbers(value, words):
    assert (number(value), uncertainty(value)) == words

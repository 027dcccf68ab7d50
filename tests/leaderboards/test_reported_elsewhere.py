"""Published numbers on a board: in a block of their own, never in a table, and harmless in every format."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import pytest

from fashionbench import Board, ReferenceSource, ReferenceSpec, ReferenceValue, api
from fashionbench.boards.references import HEADING, references_for
from fashionbench.control_characters import one_line
from fashionbench.plugins.origin import Origin
from fashionbench.specs import BoardSpec, Column, resolve

EVIL = "=x<script>alert(1)</script>|`*[a](b)\n\"'&"
VALUE = ReferenceValue(
    system="Better", source=ReferenceSource("A paper", "arXiv:0000.00000"), table="Table 9", row="ours", column="R@1",
    origin="own", printed="100.10", number=1.001, unit="fraction", scale=100.0, tasks=("toy/squares",), metric="hit@1",
    slice="all", known=(("split", "val"),), unknown=("tie_rule",), evidence="table-copy",
)  # fmt: skip
HOSTILE = dataclasses.replace(
    VALUE, system=EVIL, source=ReferenceSource(EVIL, EVIL), table=EVIL, row=EVIL, column=EVIL, known=((EVIL, EVIL),),
    unknown=(EVIL,), caveat=EVIL, misprint=EVIL, printed="99.70",
)  # fmt: skip


def spec(*values):
    return ReferenceSpec(id="published/toy", title="Toy", summary="", values=values)


@pytest.fixture
def boards(plugins, store):
    """The board of one measured row, without and with published numbers."""
    api.run({"tasks": "toy/squares", "backends": "toy/colour"}, plugins=plugins, store=store)
    without = Board.of(plugins.boards["toy"], store, plugins)
    plugins.references.add(spec(VALUE, HOSTILE), Origin("toy", "toy", "0"))
    return without, Board.of(plugins.boards["toy"], store, plugins)


@pytest.fixture
def texts(plugins, boards):
    def render(name):
        return tuple(resolve(plugins.reporters[name].target)(board) for board in boards)

    return render


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.lists = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_published_numbers_are_in_no_table(boards):
    without, with_them = boards
    assert without.references == ()
    assert [r.value.printed for r in with_them.references] == ["99.70", "100.10"]
    assert with_them.tables == without.tables


def test_a_number_is_shown_beside_the_column_of_its_task_metric_and_slice_alone():
    column = Column(task="toy/squares", metric="hit@1", label="top")
    others = [
        Column(task="toy/other", metric="hit@1"),
        Column(task="toy/squares", metric="hit@5"),
        Column(task="toy/squares", metric="hit@1", slice="red"),
    ]
    assert references_for(others, [spec(VALUE)]) == ()
    (found,) = references_for([*others, column, column], [spec(VALUE)])
    assert (found.column, found.value) == (column, VALUE)


def test_a_generated_twin_has_no_published_numbers_and_the_task_has(plugins):
    for task, some in (("fashion-iq/original", True), ("atelier/fashion-iq-original", False)):
        column = Column(task=task, metric="mean-recall@10,50")
        assert bool(references_for([column], plugins.references)) is some


def test_systems_stand_in_the_order_of_the_alphabet_not_of_merit():
    low, high = (dataclasses.replace(VALUE, system=name, printed=text) for name, text in (("a", "1.0"), ("B", "99.0")))
    column = Column(task="toy/squares", metric="hit@1")
    for values in ((low, high), (high, low)):
        assert [r.value.system for r in references_for([column], [spec(*values)])] == ["a", "B"]


def test_html_escapes_and_adds_no_table_and_no_cell(texts):
    without, text = texts("html")
    page = Page(text)
    assert page.tags.count("script") == 1
    for tag in ("table", "tr", "td", "th"):
        assert page.tags.count(tag) == Page(without).tags.count(tag)
    assert "<script>alert" not in text
    assert page.text.count("=x<script>alert(1)</script>|`*[a](b)") >= 6
    assert HEADING in page.text
    assert "100.10 %" in page.text
    assert text.index(HEADING) > text.rindex("</table>")
    assert HEADING not in without


def test_markdown_keeps_the_block_apart_and_its_columns(texts):
    without, text = texts("markdown")
    measured, block = text.split(f"## {HEADING}\n")
    assert measured.rstrip() == without.rstrip()
    lines = [line for line in block.splitlines() if line.startswith("|")]
    assert len(lines) == 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}
    assert "<script" not in text
    assert not re.search(r"(?<!\\)[`*\[]", "".join(lines))
    assert "100.10 %" in block
    assert "Table 9, row ours; its own row" in block


def test_csv_has_the_text_but_no_value_and_no_formula(texts):
    without, text = texts("csv")
    measured = list(csv.DictReader(io.StringIO(without)))
    every = list(csv.DictReader(io.StringIO(text)))
    assert every[: len(measured)] == measured
    reported = every[len(measured) :]
    assert [(row["table"], row["printed"], row["value"]) for row in reported] == [
        ("reported-elsewhere", "99.70", ""),
        ("reported-elsewhere", "100.10", ""),
    ]
    assert not any(row["printed"] for row in measured)
    assert not any(cell.startswith(("=", "+", "@")) for row in every for cell in row.values())
    assert reported[0]["backend"] == f"'{one_line(EVIL)}"
    assert (reported[1]["known"], reported[1]["unknown"], reported[1]["evidence"]) == (
        "split: val",
        "tie_rule",
        "table-copy",
    )


def test_json_has_every_field_apart_from_the_tables(texts):
    without, text = (json.loads(text) for text in texts("json"))
    assert text["tables"] == without["tables"]
    assert without["reported_elsewhere"]["values"] == []
    hostile, value = text["reported_elsewhere"]["values"]
    assert hostile["system"] == EVIL
    assert hostile["misprint"] == EVIL
    assert (value["printed"], value["number"], value["known"]) == ("100.10", 1.001, {"split": "val"})
    assert value["beside"]["task"] == "toy/squares"
    assert value["source"] == {"title": "A paper", "identifier": "arXiv:0000.00000"}


def test_a_misprint_and_an_unknown_scale_are_said(plugins, store):
    values = [
        dataclasses.replace(VALUE, system="a", printed="58.05", misprint="62.21"),
        dataclasses.replace(VALUE, system="b", printed="3.74", scale=None, number=None, unit="distance"),
        dataclasses.replace(VALUE, system="c", printed="0.88", scale=1000.0, unit="distance"),
    ]
    plugins.references.add(spec(*values), Origin("toy", "toy", "0"))
    board = BoardSpec(id="b", title="b", summary="", columns=(Column(task="toy/squares", metric="hit@1", label="top"),))
    text = resolve(plugins.reporters["markdown"].target)(Board.of(board, store, plugins))
    assert "toy/squares top 58.05 % (its parts give 62.21)" in text
    assert "toy/squares top 3.74 (scale not known)" in text
    assert "toy/squares top 0.88 (x1000)" in text

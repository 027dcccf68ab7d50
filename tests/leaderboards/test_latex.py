"""LaTeX tables, read back by a parser of LaTeX: rows and columns are whole, and names come back as they were."""

from __future__ import annotations

import pytest
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexMacroNode, LatexSpecialsNode, LatexWalker

from fashionbench import api
from fashionbench.api.comparisons import render_comparison
from fashionbench.studies.comparison import Comparison, Difference

NAMES = [
    "[first] in brackets",
    "* a star",
    "a & b \\\\ c",
    "50%_of_$1\\input{x}",
    "#~^ < > é Ü ß",
    "trailing \\",
    "--- ?` !` ''quoted'' \"x\"",
    "x" * 300,
]


def rows_of(text):
    """The rows of each tabular as lists of cells, each a list of nodes; anything that is no LaTeX raises."""
    nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    tables = [node for node in nodes if isinstance(node, LatexEnvironmentNode)]
    assert {table.environmentname for table in tables} == {"tabular"}
    made = []
    for table in tables:
        rows = [[[]]]
        for node in table.nodelist:
            if isinstance(node, LatexMacroNode) and node.macroname == "\\":
                assert not any(node.nodeargd.argnlist), "the next row was read as the distance between rows"
                rows.append([[]])
            elif isinstance(node, LatexSpecialsNode) and node.specials_chars == "&":
                rows[-1].append([])
            elif not (isinstance(node, LatexMacroNode) and node.macroname in {"toprule", "midrule", "bottomrule"}):
                rows[-1][-1].append(node)
        made.append(rows[:-1])
    return made


def said(nodes):
    # The parser's word for \\textasciicircum is the accent, and not the sign of ASCII.
    return LatexNodes2Text().nodelist_to_text(nodes).strip().replace("\u02c6", "^")


def test_names_of_a_board_come_back_as_they_were(plugins, store):
    record = api.run({"tasks": "toy/squares", "backends": ["toy/colour"]}, plugins=plugins, store=store)[0]
    for at, name in enumerate(NAMES):
        backend = record.backend.model_copy(update={"id": name, "config_hash": f"{at}"})
        store.add(record.model_copy(update={"backend": backend, "cell": f"{at}"}))
    board = api.make_board("toy", store=store, plugins=plugins)
    (table,) = board.tables
    (rows,) = rows_of(api.render_board(board, "latex", plugins=plugins))
    assert len(rows) == 1 + len(table.rows)
    assert {len(row) for row in rows} == {1 + len(table.heads)}
    # Blanks beside a command are LaTeX's own affair.
    labels = "\n".join(said(row[0]).replace(" ", "") for row in rows[1:])
    assert [name for name in NAMES if name.replace(" ", "") not in labels] == []


@pytest.mark.parametrize("name", NAMES)
def test_names_of_a_comparison_come_back_as_they_were(name):
    one = Difference(
        task=name, metric="mrr", slice=name, unit="fraction", higher_is_better=True, n=3, seeds=(1, 1), baseline=0.1,
        candidate=0.2, interval=(0.0, 0.2), p_value=0.5, method="m", wins=1, ties=1, losses=1,
    )  # fmt: skip
    made = Comparison(baseline=name, candidate="new", differences=(one,), flips=(), left_out=())
    (rows,) = rows_of(render_comparison([made], "latex"))
    assert len(rows) == 3
    assert {len(rows[0]), len(rows[2])} == {10}
    assert said(rows[2][0]).replace(" ", "") == name.replace(" ", "")

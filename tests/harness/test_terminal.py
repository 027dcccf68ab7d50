from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.table import Table

from fashionbench import terminal


def test_texts_of_a_table_are_no_markup_and_move_no_cursor(capsys):
    table = Table(title="[bold]t[/] :smiley:")
    table.add_column("[red]")
    table.add_row("[/nowhere] \x1b[2J\u202ex key=abc")
    terminal.console(width=80).print(table)
    out = capsys.readouterr().out
    assert "[bold]t[/] :smiley:" in out and "[/nowhere] x key=***" in out and "\x1b" not in out


def test_a_terminal_of_another_encoding_shows_an_escape(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    terminal.tolerate_streams()
    terminal.echo("α × \ud800")
    assert raw.getvalue() == b"\\u03b1 \\xd7 \\ufffd\n"


def test_closed_streams_print_nowhere(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    terminal.tolerate_streams()
    terminal.echo("x")
    sys.stdout.close()


def test_foreign_prints_go_to_standard_error(capfd):
    program = (
        "import os, subprocess, sys; from fashionbench import terminal\n"
        "with terminal.foreign_output():\n"
        "    print('python'); os.write(1, b'c\\n'); subprocess.run(['echo', 'child']); terminal.echo('own')\n"
        "print('after')"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)
    said = capfd.readouterr()
    assert said.out == "own\nafter\n"
    assert set(said.err.split()) == {"python", "c", "child"}


def test_a_reader_that_left_is_told_from_other_broken_pipes(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(terminal.ClosedOutputError):
        terminal.echo("x")

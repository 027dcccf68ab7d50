"""A Java program that stays between questions, with stand-ins written in shell."""

from __future__ import annotations

import os
import time

import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning import java_server
from fashionbench.metrics.captioning.java_server import ask_java

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no shell for the stand-ins")

VERSION = 'if [ "$1" = -version ]; then echo \'openjdk version "17.0.1"\' >&2; exit 0; fi\n'


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make a program called java out of shell code; it notes each start."""

    def make(code):
        path = tmp_path / "java"
        path.write_text(f"#!/bin/sh\n{VERSION}echo $$ >> {tmp_path}/starts\n{code}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
        monkeypatch.delenv("JAVA_HOME", raising=False)
        return tmp_path / "starts"

    yield make
    java_server._close_all()


def ask(lines, tmp_path, seconds=30.0, **more):
    return ask_java(["-jar", "x.jar"], lines, name="the program", heap="64m", seconds=seconds, folder=tmp_path, **more)


ECHO = 'while read -r line; do echo "<$line>"; done\n'


def test_one_start_answers_many_questions(program, tmp_path):
    starts = program(ECHO)
    assert ask(["a", "ä b"], tmp_path) == ["<a>", "<ä b>"]
    assert ask(["c"] * 5000, tmp_path) == ["<c>"] * 5000
    assert len(starts.read_text().split()) == 1


def test_many_questions_are_divided_and_answers_keep_their_order(program, tmp_path, monkeypatch):
    monkeypatch.setattr(java_server, "threads_to_use", lambda most: most)
    starts = program(ECHO)
    lines = [str(at) for at in range(1001)]
    assert ask(lines, tmp_path, share=300) == [f"<{at}>" for at in range(1001)]
    assert len(set(starts.read_text().split())) == 4
    # Few lines are asked of one of those that run.
    assert ask(["a"], tmp_path, share=300) == ["<a>"]
    assert ask(lines[:700], tmp_path, share=300) == [f"<{at}>" for at in range(700)]
    assert len(starts.read_text().split()) == 4


def test_where_one_of_several_fails_all_are_gone(program, tmp_path, monkeypatch):
    monkeypatch.setattr(java_server, "threads_to_use", lambda most: most)
    starts = program('while read -r line; do if [ "$line" = bad ]; then exit 3; fi; echo "$line"; done\n')
    with pytest.raises(MetricError, match="gave 0 lines for 2 captions"):
        ask(["a", "b", "bad", "c"], tmp_path, share=2)
    assert all(gone(int(pid)) for pid in starts.read_text().split())


def gone(pid):
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("code", "seconds", "words"),
    [
        ('read -r line; echo "<$line>"; echo sorry >&2; exit 3\n', 30.0, "gave 1 lines for 2 captions.*sorry"),
        ("read -r line; sleep 60\n", 0.5, "had not finished"),
        ("exit 0\n", 30.0, "gave 0 lines"),
    ],
)
def test_a_program_that_fails_is_gone_and_the_next_question_starts_another(program, tmp_path, code, seconds, words):
    starts = program(code)
    with pytest.raises(MetricError, match=words):
        ask(["a", "b"], tmp_path, seconds)
    assert gone(int(starts.read_text().split()[0]))
    program(ECHO)
    assert ask(["a"], tmp_path) == ["<a>"]
    assert len(starts.read_text().split()) == 2

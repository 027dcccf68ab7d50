"""Calls of a reporter go through a pipe: what came before is told as what is left, what follows as it comes."""

from __future__ import annotations

import os

import pytest

from fashionbench.runner.executors.relayed_progress import PipedReporter, PipeReader


class Calls:
    """Keeps each call; some calls do something more."""

    def __init__(self, **then):
        self.made = []
        self._then = then

    def __getattr__(self, method):
        def call(*arguments):
            self.made.append((method, *arguments))
            self._then.get(method, lambda: None)()

        return call


@pytest.fixture
def ends():
    """Both ends of a pipe, of which the reading one has a thread."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as pipe:
        yield PipeReader(os.fdopen(reading, encoding="utf-8")), pipe


def arrived(reader, count):
    while reader._calls.qsize() < count:
        pass


def test_what_was_done_before_is_left_out_of_the_work(ends):
    reader, pipe = ends
    said = PipedReporter(pipe)
    said.begin("a, 1a", 5)
    said.advance(5)
    said.note("a, 1a: done")
    said.begin("a, 1b", 10)
    said.expect_work("measure", 3)
    said.advance(4)
    arrived(reader, 6)

    def go_on():
        said.advance(6)
        said.advance(3, "measure")
        said.note("größer")
        pipe.close()

    shown = Calls(begin=go_on)
    reader.show(shown, lambda: True)
    assert shown.made == [
        ("note", "a, 1a: done"),
        ("begin", "a, 1b"),
        ("expect_work", "", 6),
        ("expect_work", "measure", 3),
        ("advance", 6, ""),
        ("advance", 3, "measure"),
        ("note", "größer"),
    ]
    # Later cells that wait as well have nothing more to hear.
    reader.show(shown, lambda: True)
    assert len(shown.made) == 7


def test_a_pipe_that_another_process_holds_open_ends_with_its_writer(ends):
    reader, _ = ends
    shown = Calls()
    reader.show(shown, lambda: False)
    assert shown.made == [("begin", "training in a second process")]


def test_what_was_all_said_before_begins_nothing(ends):
    reader, pipe = ends
    PipedReporter(pipe).begin("a, 1a", 2)
    pipe.close()
    arrived(reader, 2)
    shown = Calls()
    reader.show(shown, lambda: True)
    assert shown.made == []

"""Command lines and files for the fuzz tests: every command with words and files that nobody should give it."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from hypothesis import strategies as st

from fashionbench.cli import main as command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What takes longer waits for something that never comes.
SECONDS = 10


class HangsError(BaseException):
    """A command waits."""


CODES = {0, 1, 2, 3, 130}

#: Words that mean nothing, or that a careless reader takes for something.
ODD = (
    "", " ", "~nouser", "~nouser/x", "a\x00b", "²", "٣", "1²", "-1", "0", "1e400", "NaN", "[/bold]", "[link=x]y", ":smiley:", "{}", "%s",
    "../..", "a/../../b", "é" * 300, "x" * 300, "\udcff", "\x1b[2J", "\u202e", "\r\n", "a=b", "=", "a=", "=b", "a=[", "a={b: {", "a=!!python/object:os.system x",
    "*", "**", "?[", "[", "toy/*", "hf:", "hf:nowhere", "hf:~nouser/x", ":", "x:y", "file.py:", "broken.py:Model", "absent.py:Model", "none.yaml", "null", "1/0",
    "0/1", "5/4", "²/²", "sha256:", "sha256:00", "0000", "/proc/self/mem", "/dev/null", "/dev/full", "/proc/nowhere/x", "loop", "folder", "pipe", "file", "file/below",
    "latin1.yaml", "nul.yaml", "deep.yaml", "twice.yaml", "list.yaml", "empty.yaml", "tag.yaml", "alias.yaml", "deep.json", "cut.json", "cut.npz", "cut.png", "cut.h5",
    "folder.json", "folder.png", "folder.yaml", "loop.yaml", "pipe.yaml", "pipe.json", "bytes.csv", "bytes.jsonl", "nan.json", "odd.json", "board.yaml", "run.yaml",
)  # fmt: skip
#: Words that mean something, and nothing that takes long.
GOOD = (
    "toy", "toy/squares", "toy/colour", "toy/raises", "toy-squares", "wardrobe-emoji", "viton-hd", "manifest", "mrr", "hit@1", "hit@10", "markdown", "json", "csv",
    "html", "latex", "mteb", "model-card", "pairs", "try-on", "pages", "tables", "store", "results", "ranking.json", "captions.json", "dress=ranking.json",
    "toy-folder=folder", "shade=2", "seed=1", "shade=1,2", "1", "2", "1/2", "out.md", "out.json", "study.yaml", "policy.yaml", "ok", "control/random",
)  # fmt: skip

WORDS = st.one_of(st.sampled_from(ODD), st.sampled_from(GOOD), st.text(max_size=12))
#: Options that never end, or that leave the process, are asked for by name in other tests.
_LEFT_OUT = {"--help", "--version", "--traceback"}
#: What would take minutes with right words.
_HEAVY = {"train": "train", "make": "make"}


def paths(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the words of each command with the command, also those within groups."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from paths(command, (*before, name))
            if not command.invoke_without_command:
                continue
        yield (*before, name), command


@st.composite
def lines(draw: st.DrawFn, path: tuple[str, ...], command: click.Command) -> list[str]:
    """Draw a command line: arguments that it takes, some of its options, and now and then one that it lacks."""
    words = list(path)
    for param in command.params:
        if isinstance(param, click.Argument):
            times = 1 if param.nargs == 1 else draw(st.integers(0, 2))
            given = draw(st.lists(WORDS, min_size=times, max_size=times)) if draw(st.integers(0, 9)) else []
            # A word that begins with a dash is an option; the other kind is drawn below.
            words += [word if not word.startswith("-") else f"./{word}" for word in given]
            continue
        name = max(param.opts, key=len)
        if name in _LEFT_OUT or draw(st.integers(0, 9)) > (8 if param.required else 2):
            continue
        words += [name] if getattr(param, "is_flag", False) else [name, draw(WORDS)]
    if not draw(st.integers(0, 19)):
        words.append(draw(WORDS))
    return words


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(words: list[str]) -> Ending:
    """Run a command in this process, as a terminal would."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    here = Path.cwd()

    def hangs(*_: object) -> None:
        raise HangsError(f"hangs: {words}")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command_line.main(words)
        sys.stdout.flush()
        sys.stderr.flush()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert Path.cwd() == here
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Ending(code, *texts)


def check(words: list[str]) -> Ending:
    """Run a command, and see that it ends as commands do: with a code, and where it fails, with a line that says why."""
    ending = run(words)
    said = ending.out + ending.err
    assert ending.code in CODES, (words, ending)
    assert "Traceback (most recent call last)" not in said, (words, said)
    assert command_line.UNFORESEEN not in said, (words, said)
    assert "hangs: " not in said, (words, said)
    assert ending.code not in {2, 130} or ending.err.strip(), (words, ending)
    assert not {"\x1b", "\u202e", "\x07"} & set(said), (words, said)
    return ending

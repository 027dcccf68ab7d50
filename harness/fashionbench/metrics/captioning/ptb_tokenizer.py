"""Penn Treebank tokenisation of captions as the literature's numbers have it: Stanford CoreNLP 3.4.1, lower case.

The words are those of ``pycocoevalcap.tokenizer.PTBTokenizer``, from the same program, with the same punctuation taken
away and with the same quirks: parentheses stay as ``-lrb-``, what the program has no token for (emoji) is dropped,
``20 1/2`` is one word with a no-break space inside. It differs from that class where a caption would change another:

* a line separator inside a caption, which shifts every later caption to the next image, counts as a space;
* whether ``size S.`` at the end of a caption keeps its full stop depends there on the first letter of the next caption,
  and a tag such as ``<b`` may end in a later caption. Here a line of our own stands between captions, so that the
  words of a caption depend on nothing but the caption: its end is read as the end of a sentence, and a ``<`` that no
  ``>`` follows is a sign like others.

A text with a lone surrogate is not Unicode text and is refused, not repaired: it is a bug where it comes from.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import packaged, run_java

if TYPE_CHECKING:
    from collections.abc import Sequence

JAR = ("tokenizer", "stanford-corenlp-3.4.1.jar")

#: What is no word, in the upper case in which the package has it: after lower-casing, brackets pass.
PUNCTUATION = frozenset(
    ("''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";")
)
# The program ends a line at the first five; str.splitlines() also does at the others, as other readers may.
_SEPARATORS = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\u2028\u2029\x1c\x1d\x1e\x85", " "))
_UNCLOSED = re.compile("<(?=[A-Za-z!?/])(?!.*>)")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Between captions. Its capital ends a sentence; its space comes back as another character where a tag spans it.
_BETWEEN = "The end"


def one_line(text: str) -> str:
    """Turn every line separator into a space.

    :raises MetricError: on a lone surrogate.
    """
    if found := _SURROGATE.search(text):
        msg = f"a text has a lone surrogate, {found.group()!a}, as its character {found.start() + 1}"
        raise MetricError(msg, remedy="decode it anew from its source; such a character stands for half of another")
    return text.translate(_SEPARATORS)


def sanitised(text: str) -> str:
    """Make one line of a text, and cut a ``<`` that could begin a tag, but does not, off what follows it.

    :raises MetricError: on a lone surrogate.
    """
    text = one_line(text)
    return _UNCLOSED.sub("< ", text) if "<" in text else text


def tokenised(texts: Sequence[str]) -> list[str]:
    """Tokenise texts with one start of the program.

    :returns: the words of each text, in lower case and without punctuation, with spaces between them; empty for a text
        that has none.
    :raises MetricError: where Java or its program is missing or fails, a text has a lone surrogate, or a tag with an
        open quotation mark reaches into the next text.
    """
    if not texts:
        return []
    lines = [line for text in texts for line in (sanitised(text), _BETWEEN)]
    arguments = ["-cp", str(packaged(*JAR)), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    written = run_java(
        arguments,
        "\n".join(lines) + "\n",
        name="the PTB tokeniser",
        heap="512m",
        seconds=120 + len(lines) / 1000,
    )
    found = written.split("\n")
    if found and not found[-1]:
        found.pop()
    if len(found) != len(lines):
        msg = f"the PTB tokeniser gave {len(found)} lines for {len(lines)}, so that no caption can be told from another"
        raise MetricError(msg, remedy="report the captions: they hold a line separator that is not known yet")
    if (spanned := _spanned(found)) is not None:
        msg = f"text {spanned + 1} opens a tag that ends in a later text: {texts[spanned]!r}"
        raise MetricError(msg, remedy="close the tag or its quotation mark, or strip mark-up from captions")
    return [_words(line) for line in found[::2]]


def _words(line: str) -> str:
    return " ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION)


def _spanned(lines: Sequence[str]) -> int | None:
    between = _BETWEEN.lower()
    return next((at for at, line in enumerate(lines[1::2]) if line != between), None)

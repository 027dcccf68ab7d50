"""METEOR 1.5, English, with the options of ``pycocoevalcap``: one start of the program for all captions.

The program gives 23 statistics a caption (against the reference that scores best), and a corpus score follows from
their sums, so that an interval by resampling needs no program. The rule, read from ``MeteorScorer.computeMetrics`` and
``MeteorStats.addStats`` of ``meteor-1.5.jar`` and equal to its command EVAL; parameters and module weights are the
English ones of the task ``rank`` (M. Denkowski and A. Lavie, "Meteor Universal", WMT 2014).

The corpus score is not the mean of the captions' scores.

A caption is one line and ``|||`` separates fields, so that line separators count as spaces and ``|||`` is taken out of
candidates and references; ``pycocoevalcap`` takes it out of candidates only, and a reference with it becomes two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import packaged
from fashionbench.metrics.captioning.java_server import ask_java
from fashionbench.metrics.captioning.ptb_tokenizer import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

JAR = ("meteor", "meteor-1.5.jar")
PARAPHRASES = ("meteor", "data", "paraphrase-en.gz")

#: Of the statistics: words of the candidate and of the reference, the function words among them; then for each module
#: content and function words that it matched in the candidate and in the reference; chunks; matched words on each side.
STATISTICS = 23
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
#: Of the modules exact, stem, synonym and paraphrase.
WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])

_CHUNKS = 20


def meteor_statistics(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """Compare each candidate with its references, as float [N, 23].

    :param candidates: tokenised captions, words with spaces between them.
    :param references: for each candidate, one or more tokenised references.
    :raises MetricError: where Java, the program or its paraphrase table is missing, or it fails or takes too long.
    """
    if not candidates:
        return np.zeros((0, STATISTICS))
    lines = [
        " ||| ".join(("SCORE", *map(_field, refs), _field(candidate)))
        for candidate, refs in zip(candidates, references, strict=True)
    ]
    packaged(*PARAPHRASES)
    jar = packaged(*JAR)
    found = ask_java(
        ["-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"],
        lines,
        name="METEOR",
        heap="1g",
        seconds=300 + len(lines) / 10,
        folder=jar.parent,
    )
    rows = [_row(line, number) for number, line in enumerate(found)]
    return np.array(rows, dtype=np.float64)


def meteor_summands(statistics: FloatArray) -> FloatArray:
    """Prepare the statistics of captions for their sum: the one chunk of a full match does not count."""
    lengths, matches = _lengths_and_matches(statistics)
    out = statistics.copy()
    out[_whole(lengths, matches, statistics[..., _CHUNKS]), _CHUNKS] = 0.0
    return out


def meteor_score(statistics: FloatArray) -> FloatArray:
    """Compute the score of statistics [..., 23], of one caption or summed over :func:`meteor_summands`, in [0, 1].

    Without a match, or without words on one side, the score is 0.
    """
    lengths, matches = _lengths_and_matches(statistics)
    functions = statistics[..., 2:4]
    weighted_lengths = DELTA * (lengths - functions) + (1 - DELTA) * functions
    modules = statistics[..., 4:20].reshape(*statistics.shape[:-1], 4, 4)
    content, function = modules[..., 0:2], modules[..., 2:4]
    weighted = (WEIGHTS[:, None] * (DELTA * content + (1 - DELTA) * function)).sum(axis=-2)
    chunks, words = statistics[..., _CHUNKS], statistics[..., 21:23].sum(axis=-1) / 2
    scored = (weighted > 0).all(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = np.moveaxis(weighted / weighted_lengths, -1, 0)
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        fragments = np.where(_whole(lengths, matches, chunks), 0.0, chunks / words)
        value = mean * (1 - GAMMA * fragments**BETA)
    return np.where(scored, np.maximum(value, 0.0), 0.0)


def _lengths_and_matches(statistics: FloatArray) -> tuple[FloatArray, FloatArray]:
    modules = statistics[..., 4:20].reshape(*statistics.shape[:-1], 4, 2, 2)
    return statistics[..., 0:2], modules.sum(axis=(-3, -2))


def _whole(lengths: FloatArray, matches: FloatArray, chunks: FloatArray) -> NDArray[np.bool_]:
    whole: NDArray[Any] = (matches == lengths).all(axis=-1) & (chunks == 1)
    return whole


def _field(text: str) -> str:
    return one_line(text).replace("|||", "").replace("  ", " ")


def _row(line: str, number: int) -> list[float]:
    try:
        row = [float(word) for word in line.split()]
    except ValueError:
        row = []
    if len(row) != STATISTICS:
        raise MetricError(f"METEOR answered {line[:100]!r} for caption {number + 1}")
    return row

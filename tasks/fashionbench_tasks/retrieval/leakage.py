"""Leak probe: finds the words of the queries in texts on the gallery's side.

Gallery captions were once written with the query's own words in the prompt, for targets only. Three signs give that
away, none of which depends on how large the gallery is:

* **Relational words.** ``longer``, ``brighter``, ``instead`` compare two images and cannot be read off one. A
  target's text that holds its own query's relational words far more often than other texts hold them was written from
  the query.
* **Copied runs.** Five words of a query in a row, in the text of its target and rarely in another text.
* **Presence and length.** Whether a text is there, or how long it is, tells targets from other images.

A verdict of ``leak`` needs one of them beyond chance: see :func:`verdict`. TF-IDF and BM25 rankings of the query text
against gallery text are reported beside it, with chance and a shuffled control, for they say how much there is to
gain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.metrics.retrieval.at_k import recall_at_k
from fashionbench.metrics.retrieval.rank_counting import count_from_scores
from fashionbench_tasks.retrieval.text_baselines import bm25_scores, tfidf_scores, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Scores = NDArray[np.float32]

#: Words that compare two images, and that the description of one image has little use for.
RELATIONAL = frozenset(
    {
        "another", "bigger", "brighter", "cooler", "darker", "deeper", "different", "dressier", "fancier",
        "fewer", "flowier", "fuller", "heavier", "higher", "identical", "instead", "larger", "less", "lighter",
        "longer", "looser", "lower", "more", "narrower", "nicer", "paler", "plainer", "rather", "richer",
        "same", "sexier", "shinier", "shorter", "similar", "simpler", "sleeker", "slimmer", "smaller", "softer",
        "than", "thicker", "thinner", "tighter", "warmer", "wider",
    }
)  # fmt: skip
RUN = 5
#: What makes a sign: that many times the background, and a one-sided p-value of Fisher's exact test below this.
LIFT, ALPHA = 5.0, 1e-3
#: Area under the curve of "is a target" by presence or length of a text, away from one half.
SEPARATION = 0.15


@dataclass(frozen=True, slots=True)
class Asked:
    """A query text with the id of its target."""

    text: str
    target: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign: what was counted on targets and elsewhere."""

    name: str
    here: str
    elsewhere: str
    p: float
    leak: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """The findings of one part (a category) of a data set.

    :param recalls: R@10 and R@50 of ``tfidf``, ``bm25``, the same with ``shuffled`` targets, and ``chance``.
    """

    part: str
    queries: int
    gallery: int
    texts: int
    recalls: Mapping[str, tuple[float, float]]
    signs: tuple[Sign, ...]

    @property
    def leak(self) -> bool:
        """Whether any sign is beyond chance."""
        return any(sign.leak for sign in self.signs)


def probe(part: str, composed_queries: Sequence[Asked], texts: Mapping[str, str], seed: int = 0) -> Probe:
    """Look for the queries' words in the texts of a gallery.

    :param texts: the text of each gallery image; images without a text hold an empty one.
    """
    names = list(texts)
    index = {name: i for i, name in enumerate(names)}
    inside = [query for query in composed_queries if query.target in index]
    documents = [words(texts[name]) for name in names]
    queries = [words(query.text) for query in inside]
    positives = [[index[query.target]] for query in inside]
    mixed = np.random.default_rng(seed).permutation(len(inside))
    recalls: dict[str, tuple[float, float]] = {}
    for name, scores in (("tfidf", tfidf_scores(queries, documents)), ("bm25", bm25_scores(queries, documents))):
        recalls[name] = _recalls(scores, positives)
        if name == "tfidf":
            recalls["shuffled"] = _recalls(scores, [positives[i] for i in mixed])
    recalls["chance"] = (min(1.0, 10 / len(names)), min(1.0, 50 / len(names)))
    signs = (
        _relational(queries, positives, documents),
        _runs(queries, positives, documents),
        _presence({query.target for query in inside}, texts),
    )
    return Probe(
        part, len(composed_queries), len(names), sum(bool(text.strip()) for text in texts.values()), recalls, signs
    )


def verdict(probes: Sequence[Probe]) -> str:
    """Say ``leak`` where any part shows a sign, else ``clean``.

    A sign is a rate on targets of at least :data:`LIFT` times that elsewhere with p below :data:`ALPHA` (relational
    words, copied runs), or an area under the curve at least :data:`SEPARATION` away from one half with p below
    :data:`ALPHA` (presence, length).
    """
    return "leak" if any(result.leak for result in probes) else "clean"


def _recalls(scores: Scores, positives: Sequence[Sequence[int]]) -> tuple[float, float]:
    counts = count_from_scores(scores, positives)
    return float(recall_at_k(counts, 10).mean()), float(recall_at_k(counts, 50).mean())


def _relational(
    queries: Sequence[list[str]], positives: Sequence[Sequence[int]], documents: Sequence[list[str]]
) -> Sign:
    """Count relational words of a query in its target's text, and the same words in all other texts."""
    frequency = Counter(word for document in documents for word in set(document) if word in RELATIONAL)
    here = here_all = elsewhere = elsewhere_all = 0
    total = sum(bool(document) for document in documents)
    for query, (target, *_) in zip(queries, positives, strict=True):
        document = set(documents[target])
        for word in {word for word in query if word in RELATIONAL}:
            here_all += 1
            here += word in document
            elsewhere_all += max(total - 1, 0)
            elsewhere += frequency[word] - (word in document)
    return _sign("relational words", (here, here_all), (elsewhere, elsewhere_all))


def _runs(queries: Sequence[list[str]], positives: Sequence[Sequence[int]], documents: Sequence[list[str]]) -> Sign:
    """Count queries of which a run of words stands in the target's text, and in a text that is not the target's."""
    runs = [_ngrams(document) for document in documents]
    holders = Counter(run for document in runs for run in document)
    here = elsewhere = 0
    long_queries = [
        (query, target) for query, (target, *_) in zip(queries, positives, strict=True) if len(query) >= RUN
    ]
    for query, target in long_queries:
        query_runs = _ngrams(query)
        here += bool(query_runs & runs[target])
        # Chance that one other text, taken at random, holds one of the runs.
        holding = max((holders[run] - (run in runs[target]) for run in query_runs), default=0)
        elsewhere += holding
    return _sign("copied runs", (here, len(long_queries)), (elsewhere, len(long_queries) * max(len(documents) - 1, 0)))


def _ngrams(document: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(document[i : i + RUN]) for i in range(len(document) - RUN + 1)}


def _sign(name: str, here: tuple[int, int], elsewhere: tuple[int, int]) -> Sign:
    from scipy.stats import fisher_exact  # noqa: PLC0415

    def rate(part: tuple[int, int]) -> float:
        return part[0] / part[1] if part[1] else 0.0

    def percentage(part: tuple[int, int]) -> str:
        return f"{100 * rate(part):.3g} % ({part[0]} of {part[1]})"

    if not here[1] or not elsewhere[1]:
        return Sign(name, "nothing to count", "", 1.0, leak=False)
    table = [[here[0], here[1] - here[0]], [elsewhere[0], elsewhere[1] - elsewhere[0]]]
    p = float(fisher_exact(table, alternative="greater")[1])
    return Sign(
        name, percentage(here), percentage(elsewhere), p, leak=p < ALPHA and rate(here) >= LIFT * rate(elsewhere)
    )


def _presence(targets: set[str], texts: Mapping[str, str]) -> Sign:
    """Ask whether the length of a text, zero where there is none, tells targets from other images."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415

    here = [len(words(text)) for name, text in texts.items() if name in targets]
    others = [len(words(text)) for name, text in texts.items() if name not in targets]
    if not here or not others or len({*here, *others}) == 1:
        return Sign("presence and length", "nothing to tell apart", "", 1.0, leak=False)
    test = mannwhitneyu(here, others, alternative="two-sided")
    area = float(test.statistic) / (len(here) * len(others))
    lengths = f"{np.mean(here):.3g} words on targets", f"{np.mean(others):.3g} elsewhere, area {area:.3f}"
    return Sign(
        "presence and length", *lengths, float(test.pvalue), bool(test.pvalue < ALPHA and abs(area - 0.5) >= SEPARATION)
    )

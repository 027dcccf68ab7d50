"""Caption metrics as targets of metric specifications, on predictions of the schema ``captions/1``.

All but SPICE's models come from one tokenisation (:mod:`fashionbench.metrics.captioning.ptb_tokenizer`). It is
made once for the texts of a table and remembered for the last few tables by a hash of their texts; so are the counts
of BLEU, which four metrics share. The card decides with ``caption_metric`` which text plays which role
(:func:`fashionbench.predictions.captions.corpus_of`).

A caption without words scores 0 and counts; ``empty-captions`` tells how many there are. An item whose references have
no words has nothing to be compared with, and every metric refuses it by name, unless captions are the references.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning import ngrams
from fashionbench.metrics.captioning.meteor import meteor_score, meteor_statistics, meteor_summands
from fashionbench.metrics.captioning.ptb_tokenizer import tokenised
from fashionbench.metrics.captioning.spice import spice as spice_values
from fashionbench.metrics.captioning.style_distance import style_distance as distance
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.predictions.captions import Corpus, corpus_of, refuse
from fashionbench.seeding import seed_of
from fashionbench.statistics.sampling import FEWEST
from fashionbench.statistics.sums import resampled_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_REMEMBERED = 2


@dataclass(frozen=True, slots=True)
class Words:
    """The tokenised texts of a corpus.

    :param captions: what the backend said, whatever role it plays.
    :param written: the references of the data set, all in one list.
    """

    candidates: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    captions: tuple[str, ...]
    written: tuple[str, ...]


def bleu_1(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute corpus BLEU of words."""
    return _bleu(table, arguments, 1)


def bleu_2(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute corpus BLEU up to pairs of words."""
    return _bleu(table, arguments, 2)


def bleu_3(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute corpus BLEU up to three words."""
    return _bleu(table, arguments, 3)


def bleu_4(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute corpus BLEU up to four words."""
    return _bleu(table, arguments, 4)


def meteor(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute the corpus score of METEOR 1.5."""
    words = _words(corpus_of(table, arguments.card))
    summands = meteor_summands(meteor_statistics(words.candidates, words.references))
    return _of_sums(summands, meteor_score, table, "meteor")


def rouge_l(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute ROUGE-L a caption."""
    words = _words(corpus_of(table, arguments.card))
    return Outcome(ngrams.rouge_l(words.candidates, words.references))


def cider(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute CIDEr-D a caption, with the document frequencies of all references in the table.

    The interval holds them fixed: it is about other captions of these images, not about other images.
    """
    words = _words(corpus_of(table, arguments.card))
    return Outcome(ngrams.cider(words.candidates, words.references))


def spice(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute SPICE a caption."""
    words = _words(corpus_of(table, arguments.card))
    return Outcome(spice_values(words.candidates, words.references))


def caption_length(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Count the words of each caption."""
    words = _words(corpus_of(table, arguments.card))
    return Outcome(np.array([len(caption.split()) for caption in words.captions], dtype=np.float64))


def caption_vocabulary(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Count the different words of all captions together."""
    words = _words(corpus_of(table, arguments.card))
    different = set(chain.from_iterable(caption.split() for caption in words.captions))
    return Outcome(value=float(len(different)), method="none: a resample has fewer different words than the sample")


def empty_captions(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Tell which captions have no word, an image that could not be read included."""
    words = _words(corpus_of(table, arguments.card))
    return Outcome(np.array([not caption for caption in words.captions], dtype=np.float64))


def style_distance(table: pa.Table, arguments: MetricArguments) -> Outcome:
    """Compute how far captions and references are apart in words and pairs of words."""
    words = _words(corpus_of(table, arguments.card))
    value = distance(words.captions, words.written)
    return Outcome(value=value, method="none: a resample is further from its references than the sample")


def _bleu(table: pa.Table, arguments: MetricArguments, order: int) -> Outcome:
    counts = _bleu_counts(corpus_of(table, arguments.card))
    return _of_sums(counts, lambda sums: ngrams.bleu_score(sums, order), table, f"bleu-{order}")


def _of_sums(statistics: FloatArray, score: Callable[[FloatArray], FloatArray], table: pa.Table, name: str) -> Outcome:
    value = float(score(statistics.sum(axis=0)))
    seed = seed_of("captions/1", name)
    clusters = table.column("cluster").to_pylist()
    if len(set(clusters)) < FEWEST:
        return Outcome(value=value, method=f"none: {len(set(clusters))} clusters are fewer than {FEWEST}")
    interval = resampled_interval(statistics, score, clusters=clusters, seed=seed)
    return Outcome(value=value, interval=interval.bounds, method=interval.method)


@lru_cache(maxsize=_REMEMBERED)
def _words(corpus: Corpus) -> Words:
    """Tokenise all texts of a corpus at once."""
    flat = tokenised([*corpus.candidates, *chain.from_iterable(corpus.references)])
    count = len(corpus.candidates)
    rest = iter(flat[count:])
    candidates = tuple(flat[:count])
    references = tuple(tuple(next(rest) for _ in refs) for refs in corpus.references)
    if corpus.swapped:
        if not any(map(any, references)):
            raise MetricError("no caption has a word, and captions are the references on this protocol card")
        return Words(candidates, references, tuple(refs[0] for refs in references), candidates)
    refuse(corpus.item_ids, (not any(refs) for refs in references), "no word in any reference")
    return Words(candidates, references, candidates, tuple(chain.from_iterable(references)))


@lru_cache(maxsize=_REMEMBERED)
def _bleu_counts(corpus: Corpus) -> FloatArray:
    words = _words(corpus)
    return ngrams.bleu_counts(words.candidates, words.references)

"""Rank texts for a text by its words: TF-IDF cosine, and Okapi BM25.

TF-IDF is scikit-learn's (smoothed idf, term counts, L2 norm). BM25 is Robertson and Zaragoza, *The Probabilistic
Relevance Framework* (2009), with k1 = 1.2 and b = 0.75, and the idf that cannot be negative, log(1 + (N - n + 0.5) /
(n + 0.5)).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


def words(text: str) -> list[str]:
    """Split a text into lower-case words."""
    return _WORD.findall(text.lower())


def tfidf_scores(queries: Sequence[Sequence[str]], documents: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Score every document for every query by the cosine of their TF-IDF vectors, [Nq, Nd]."""
    index = _vocabulary(documents)
    counts = _counts(documents, index)
    idf = np.log((1 + counts.shape[0]) / (1 + np.diff(counts.tocsc().indptr))) + 1
    left, right = (_unit(_counts(side, index) @ sparse.diags(idf)) for side in (queries, documents))
    return np.asarray((left @ right.T).todense(), dtype=np.float32)


def bm25_scores(
    queries: Sequence[Sequence[str]], documents: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.75
) -> NDArray[np.float32]:
    """Score every document for every query by Okapi BM25, [Nq, Nd]."""
    index = _vocabulary(documents)
    counts = _counts(documents, index).tocoo()
    lengths = np.array([len(document) for document in documents], dtype=float)
    holders = np.bincount(counts.col, minlength=len(index))
    idf = np.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
    norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
    weight = idf[counts.col] * counts.data * (k1 + 1) / (counts.data + norm[counts.row])
    weighted = sparse.csr_matrix((weight, (counts.row, counts.col)), shape=counts.shape)
    return np.asarray((_counts(queries, index) @ weighted.T).todense(), dtype=np.float32)


def _vocabulary(documents: Sequence[Sequence[str]]) -> dict[str, int]:
    index: dict[str, int] = {}
    for document in documents:
        for word in document:
            index.setdefault(word, len(index))
    if not index:
        raise MetricError("no text has a word in it", remedy="check the gallery texts")
    return index


def _counts(texts: Sequence[Sequence[str]], index: dict[str, int]) -> sparse.csr_matrix:
    rows = [row for row, text in enumerate(texts) for word in text if word in index]
    columns = [index[word] for text in texts for word in text if word in index]
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(index)))


def _unit(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(norms, 1e-12)) @ matrix

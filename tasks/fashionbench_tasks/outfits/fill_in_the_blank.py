"""Fill in the blank: which of some items completes an outfit (Vasileva et al., ECCV 2018).

A candidate is scored by the cosine between item embeddings alone, averaged over the items of the outfit, so that any
image encoder can take part; a model of compatibility would bring a similarity of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.metrics.retrieval.rank_counting import count_from_scores
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.ranking import SCHEMA, Labels, ranking_table
from fashionbench_tasks.datasets.polyvore import repeated_items
from fashionbench_tasks.outfits.embedding import Asked, OutfitTask, max_cosine

if TYPE_CHECKING:
    from fashionbench.runner.session import Session


class FillInTheBlank(OutfitTask):
    """Choose the item that completes an outfit."""

    def _items_of_questions(self) -> list[tuple[str, ...]]:
        self.questions = self.data.questions()
        return [(*question.items, *question.candidates) for question in self.questions]

    def _facts(self) -> dict[str, str]:
        return repeated_items(self.questions)

    def _given(self) -> dict[str, tuple[str, ...]]:
        return {question.id: tuple(question.items) for question in self.questions}

    def predict(self, session: Session) -> Predictions:
        """Score each candidate by its mean cosine to the items of the outfit; a question without a photo is a miss."""
        questions = self.questions[: session.limit] if session.limit else self.questions
        asked = [
            Asked(q.id, (*q.items, *q.candidates), dict.fromkeys(q.items, frozenset({q.answer}))) for q in questions
        ]
        width = max(len(q.candidates) for q in questions)
        scores = np.zeros((len(questions), width), dtype=np.float32)
        right: list[list[str]] = []
        for row, (question, (queries, candidates)) in enumerate(
            zip(questions, self.embed(session, asked), strict=True)
        ):
            right.append([question.answer] if queries else [])
            for column, name in enumerate(question.candidates if queries else ()):
                cosines = [max_cosine(queries[item], candidates[name]) for item in question.items]
                scores[row, column] = np.mean(cosines)
        ranking = count_from_scores(
            scores,
            [[q.candidates.index(name) for name in names] for q, names in zip(questions, right, strict=True)],
            exclude=[list(range(len(q.candidates), width)) for q in questions],
            tie_tolerance=float(str(self.spec.protocol.fields["tie_tolerance"])),
        )
        ids = [question.id for question in questions]
        # Each question has candidates of its own: the gallery is all of them one behind the other.
        gallery = [name for q in questions for name in (*q.candidates, *[""] * (width - len(q.candidates)))]
        answered = [len(q.candidates) if names else 0 for q, names in zip(questions, right, strict=True)]
        index = np.full((len(questions), width), -1, dtype=np.int64)
        best = np.full((len(questions), width), -np.inf, dtype=np.float32)
        for row, count in enumerate(answered):
            order = np.argsort(-scores[row, :count], kind="stable")
            index[row, :count], best[row, :count] = row * width + order, scores[row, order]
        ranking = replace(ranking, top_index=index, top_score=best)
        return Predictions(SCHEMA, ranking_table(ranking, Labels("all", ids, ids, gallery, right)))

"""Complementary item retrieval: which item of a gallery completes an outfit that lacks one (Lin et al., CVPR 2020).

The questions are those of fill in the blank without their choices: the category of the missing item is given, and the
gallery are the items of all outfits of the split, or those of the category. As in the other outfit tasks a candidate is
scored by the cosine between item embeddings alone, averaged over the items of the outfit, so that any image encoder can
take part. The items that the question shows are no candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.data.ground_truth import Truth
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.errors import ConfigError, first_names
from fashionbench.metrics.retrieval.rank_counting import count_from_scores
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.ranking import SCHEMA, Labels, ranking_table, unavailable_rows, with_further_slices
from fashionbench_tasks.datasets.polyvore import repeated_items
from fashionbench_tasks.outfits.completion_scores import CompletionScores
from fashionbench_tasks.outfits.embedding import OutfitTask
from fashionbench_tasks.outfits.outfit_triplets import outfit_triplets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fashionbench.data.training_examples import TrainingData
    from fashionbench.runner.session import Session
    from fashionbench_tasks.datasets.polyvore import Question
    from fashionbench_tasks.datasets.polyvore_metadata import ItemMetadata

#: How many candidates of each question are kept for people to look at.
KEPT = 50
#: How many questions are scored at a time: with 50,000 candidates their scores take 50 MB.
_QUESTIONS = 256
#: What the option ``gallery`` may be.
GALLERIES = ("semantic_category", "category_id", "all")


@dataclass(frozen=True, slots=True)
class Query:
    """A question whose photos are there.

    :param sources: the items of the outfit as they are asked for; a privileged control is asked under an id of its own
        for each question, because the right answer of an item differs between questions.
    """

    question: Question
    sources: tuple[ImageFile, ...]


class Complementary(OutfitTask):
    """Find the item that completes an outfit, in a whole gallery.

    :raises ConfigError: where the option ``gallery`` is none of :data:`GALLERIES`.
    """

    def _items_of_questions(self) -> list[tuple[str, ...]]:
        self.kind = str(self.spec.options["gallery"])
        if self.kind not in GALLERIES:
            known = ", ".join(GALLERIES)
            raise ConfigError(f"{self.spec.id} has no gallery {self.kind!r}", remedy=f"known are {known}")
        self.questions = self.data.questions()
        return [(*question.items, question.answer) for question in self.questions]

    def _gallery(self) -> Collection[str]:
        return self._test_items

    @cached_property
    def _test_items(self) -> list[str]:
        return sorted({item for items in self.data.outfits("test").values() for item in items})

    def _annotations(self) -> Mapping[str, Path]:
        return self.data.annotations()

    def _facts(self) -> dict[str, str]:
        pools = {q.id: self._pools[self._pool_of(q.answer)] for q in self.questions}
        alone = [q.id for q in self.questions if not set(pools[q.id]).difference((*q.items, q.answer))]
        said = f"{len(alone)} of {len(self.questions)}, right by whatever is answered: {first_names(alone)}"
        return repeated_items(self.questions, choices=False) | (
            {"questions whose gallery holds the right answer alone": said} if alone else {}
        )

    def _given(self) -> dict[str, tuple[str, ...]]:
        return {question.id: tuple(question.items) for question in self.questions}

    @cached_property
    def _metadata(self) -> dict[str, ItemMetadata]:
        return self.data.metadata(self._test_items)

    @cached_property
    def _pools(self) -> dict[str, list[str]]:
        """The items of each gallery, those without a photo among them, by category."""
        pools: dict[str, list[str]] = {}
        for name in self._test_items:
            pools.setdefault(self._pool_of(name), []).append(name)
        return pools

    def _pool_of(self, item: str) -> str:
        return "all" if self.kind == "all" else self._metadata[item].category(self.kind)

    def training(self) -> TrainingData | None:
        """Return what the outfits of the train split teach: an item, the category of another, and that one."""
        return outfit_triplets(self.data)

    def evaluated(self) -> frozenset[str]:
        """Return the ids of all items that are measured."""
        return frozenset(self.paths)

    def predict(self, session: Session) -> Predictions:
        """Rank the gallery of each question; one that lacks a photo is a miss."""
        import pyarrow as pa  # noqa: PLC0415

        asked = self.questions[: session.limit] if session.limit else self.questions
        whole = [q for q in asked if self.absent.isdisjoint((*q.items, q.answer))]
        queries = [Query(q, self._sources_of(q, apart=session.spec.privileged)) for q in whole]
        tables = self._ranked(queries, session) if queries else []
        lost = [q for q in asked if not self.absent.isdisjoint((*q.items, q.answer))]
        counts = [len(set(self._pools[self._pool_of(q.answer)]) - (set(q.items) - {q.answer})) for q in lost]
        ids = [q.id for q in lost]
        tables += [unavailable_rows("all", ids, ids, counts)] if lost else []
        table = pa.concat_tables(tables, promote_options="default").combine_chunks()
        place = {name: at for at, name in enumerate(table.column("query_id").to_pylist())}
        ordered = table.take([place[q.id] for q in asked])
        slices = [[f"missing/{self._metadata[q.answer].semantic_category}"] for q in asked]
        return Predictions(SCHEMA, with_further_slices(ordered, slices))

    def _sources_of(self, question: Question, *, apart: bool) -> tuple[ImageFile, ...]:
        prefix = f"{question.id}/" if apart else ""
        return tuple(ImageFile(f"{prefix}{name}", self.paths[name]) for name in question.items)

    def _ranked(self, queries: Sequence[Query], session: Session) -> list[pa.Table]:
        given = list({source.id: source for query in queries for source in query.sources}.values())
        wanted = {self._pool_of(query.question.answer) for query in queries}
        present = [name for pool in sorted(wanted) for name in self._pools[pool] if name not in self.absent]
        gallery = [ImageFile(name, self.paths[name]) for name in present]
        positives = {source.id: frozenset({query.question.answer}) for query in queries for source in query.sources}
        training = self.training() if session.spec.fits else None
        session.expect_fit([training])
        session.expect_embeddings([[(gallery, "candidate"), (given, "query")]])
        measured = MeasuredItems(sources=(*gallery, *given))
        with session.fold(training, Truth(positives=positives), measured) as backend:
            rows, vectors = backend.embed_sides([(gallery, "candidate"), (given, "query")])
        row_of = {source.id: row for row, source in enumerate(gallery)}
        given_row = {source.id: row for row, source in enumerate(given)}
        tables: list[pa.Table] = []
        for pool in sorted(wanted):
            names = [name for name in self._pools[pool] if name in row_of]
            scores = CompletionScores(vectors, rows, [row_of[name] for name in names])
            own = [query for query in queries if self._pool_of(query.question.answer) == pool]
            for start in range(0, len(own), _QUESTIONS):
                part = own[start : start + _QUESTIONS]
                shown = [[given_row[source.id] for source in query.sources] for query in part]
                tables.append(self._table(part, names, scores, shown))
        return tables

    def _table(
        self, queries: Sequence[Query], names: Sequence[str], scores: CompletionScores, shown: Sequence[Sequence[int]]
    ) -> pa.Table:
        """Rank one gallery for some questions.

        :param names: the items of the gallery.
        :param shown: by question, the rows of its items among those that were asked for.
        """
        column = {name: at for at, name in enumerate(names)}
        questions = [query.question for query in queries]
        ranking = count_from_scores(
            scores.of(shown),
            [[column[q.answer]] for q in questions],
            exclude=[[column[name] for name in {*q.items} - {q.answer} if name in column] for q in questions],
            tie_tolerance=float(str(self.spec.protocol.fields["tie_tolerance"])),
            top_k=min(KEPT, len(names)),
        )
        ids = [q.id for q in questions]
        return ranking_table(ranking, Labels("all", ids, ids, names, [[q.answer] for q in questions]))

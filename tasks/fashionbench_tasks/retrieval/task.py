"""Retrieval tasks: embed queries and gallery, rank the candidates of each query, and store rank counts.

Cross-modal, image and composed retrieval differ only in what their items are. A task is given folds and does the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.data.file_index import FileIndex
from fashionbench.data.ground_truth import Truth
from fashionbench.data.lazy_items import ComposedFile, ImageFile, opened
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.data.packed_files import is_there
from fashionbench.data.search import describe_search
from fashionbench.data.shown_items import ShownItem
from fashionbench.data.task_items import TaskItems
from fashionbench.errors import ConfigError, DataError
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.ranking import (
    SCHEMA,
    ranking_table,
    unavailable_rows,
    with_further_slices,
    with_grades,
)
from fashionbench_tasks.retrieval.candidates import Candidates
from fashionbench_tasks.retrieval.fold import check_fold
from fashionbench_tasks.retrieval.product_views import by_product, embedded
from fashionbench_tasks.retrieval.ranking import KEPT, Lists, rank_candidates, rank_gallery, rerank
from fashionbench_tasks.training_part import shared_training

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pyarrow as pa
    from PIL.Image import Image

    from fashionbench.data.info import DataInfo
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.shown_items import Side
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.predictions.imported import Imported
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.retrieval.fold import Fold


class Retrieval:
    """A retrieval task.

    :param spec: the specification; its card names ``tie_tolerance``.
    :param info: the fingerprinted data.
    :param folds: makes the folds, when the first backend is asked.
    :param listed: makes the folds as the annotations list them, with every query and the whole gallery, whether their
        images are there or not; rankings and hit lists are scored against them. By default those of ``folds``.
    """

    def __init__(
        self,
        spec: TaskSpec,
        info: DataInfo,
        folds: Callable[[], Sequence[Fold]],
        listed: Callable[[], Sequence[Fold]] | None = None,
    ) -> None:
        self.spec = spec
        self._info = info
        self._make_folds = folds
        self._make_listed = listed or folds
        self._folds: Sequence[Fold] | None = None

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    @property
    def folds(self) -> Sequence[Fold]:
        """The folds, checked.

        :raises DataError: where a positive is not in the gallery, or an id stands twice on one side.
        """
        if self._folds is None:
            self._folds = _checked(self._make_folds())
        return self._folds

    def listed(self) -> Sequence[Fold]:
        """Return the folds as the annotations list them, checked; no image is needed.

        :raises DataError: as :attr:`folds`.
        """
        return _checked(self._make_listed())

    def predict(self, session: Session) -> Predictions:
        """Rank the gallery of each fold for each of its queries."""
        import pyarrow as pa  # noqa: PLC0415

        for fold in self.folds:
            self._require_items(fold)
        self._announce(session)
        tables = [table for fold in self.folds for table in self._fold_tables(fold, session)]
        whole = pa.concat_tables(tables, promote_options="default").combine_chunks()
        return Predictions(SCHEMA, _with_further_slices(_with_grades(whole, self.folds), self.folds))

    def _announce(self, session: Session) -> None:
        """Announce all work of the task to the session, for its progress bar."""
        session.expect_fit([fold.training for fold in self.folds])
        session.expect_embeddings(
            [[(embedded(fold), "candidate"), (_queries(fold, session), "query")] for fold in self.folds]
        )
        depth = self._rerank_depth(session)
        if depth:
            pairs = (len(_queries(fold, session)) * min(depth, KEPT, len(fold.gallery)) for fold in self.folds)
            session.expect("score-pairs", sum(pairs))

    def _rerank_depth(self, session: Session) -> int:
        """Return how many candidates are re-ranked: as the protocol says, or else as the backend's option does.

        :raises ConfigError: where it is more than are kept.
        """
        depth = self.spec.options.get("rerank")
        if isinstance(depth, int):
            return depth
        if not 0 <= session.rerank <= KEPT:
            raise ConfigError(f"{session.spec.id}: rerank is {session.rerank}", remedy=f"give it 0 to {KEPT}")
        return session.rerank

    def _fold_tables(self, fold: Fold, session: Session) -> list[pa.Table]:
        import pyarrow as pa  # noqa: PLC0415

        queries = _queries(fold, session)
        positives = [sorted(fold.positives.get(query.id, ())) for query in queries]
        truth = Truth(
            positives={query.id: frozenset(ids) for query, ids in zip(queries, positives, strict=True)},
            texts={query.id: str(query.text) for query in queries if hasattr(query, "text")},
        )
        measured = MeasuredItems(sources=(*fold.queries, *embedded(fold)), groups=frozenset(fold.clusters.values()))
        with session.fold(fold.training, truth, measured) as backend:
            images, vectors = backend.embed_sides([(embedded(fold), "candidate"), (queries, "query")])
            gallery = by_product(images, fold)
            lists = Lists(fold, queries, positives)
            if fold.candidates is None:
                ranking = rank_gallery(vectors, gallery, lists, self._tolerance)
            else:
                ranking = rank_candidates(vectors, gallery, lists, self._tolerance)
            depth = self._rerank_depth(session)
            if depth:
                ranking = rerank(ranking, lists, backend, depth)
        table = ranking_table(ranking, lists.labels)
        if not fold.unavailable or session.limit:
            return [table]
        clusters = [fold.clusters.get(name, name) for name in fold.unavailable]
        # As many as the annotations list: behind a list that is lost with its images, a miss would be the first.
        whole = next((Candidates(one) for one in self.listed() if one.name == fold.name), lists.candidates)
        counts = [whole.count(name) or len(fold.gallery) for name in fold.unavailable]
        lost = unavailable_rows(fold.name, fold.unavailable, clusters, counts)
        return [_in_order(pa.concat_tables([table, lost], promote_options="default"), fold.asked)]

    def _require_items(self, fold: Fold) -> None:
        """Refuse a fold whose gallery is empty, in which any rank would be the first, or that has lost every query.

        :raises DataError: naming an image that should be there, or why those that are there cannot be read.
        """
        if fold.gallery and (fold.queries or not fold.unavailable):
            return
        listed = next((one for one in self.listed() if one.name == fold.name), fold)
        what, sources = ("list of queries", listed.queries) if fold.gallery else ("gallery", listed.gallery)
        paths = [source.path for source in sources if isinstance(source, (ImageFile, ComposedFile))]
        damaged = sorted({path for path in paths if is_there(path)})
        if damaged:
            with FileIndex() as index:
                looked = index.look(damaged[:3], decode_images=True)
            reasons = ", ".join(f"{path.name} ({facts.fault})" for path, facts in sorted(looked.items()))
            msg = f"fold {fold.name} has an empty {what}: {len(damaged)} of {len(set(paths))} images cannot be read"
            raise DataError(
                f"{msg}, such as {reasons}", remedy="these files are damaged, or no images: copy or fetch them again"
            )
        searched = describe_search(paths) or "the annotations name none"
        whole = f"none of {len(sources)} items is there; " if sources else ""
        raise DataError(f"fold {fold.name} has an empty {what}: {whole}{searched}", remedy="fetch its images")

    def training(self) -> TrainingData | None:
        """Return the training part that all folds share.

        :raises ConfigError: where each fold has its own.
        """
        return shared_training(self.spec.id, [fold.training for fold in self.folds])

    def evaluated(self) -> frozenset[str]:
        """Return the ids of all images of queries and galleries; of a composed query, its reference's file name."""
        sources = [source for fold in self.folds for source in (*fold.queries, *embedded(fold))]
        return frozenset(name for source in sources if (name := image_id(source)))

    def predictions_of(self, imported: Imported) -> Predictions:
        """Turn rankings or hit lists into predictions; what a list does not name is ranked behind it, and last.

        The images need not be there.

        :raises DataError: where a query is missing, or an id is unknown.
        """
        import pyarrow as pa  # noqa: PLC0415

        from fashionbench_tasks.retrieval.from_rankings import tables_of  # noqa: PLC0415

        folds = self.listed()
        whole = pa.concat_tables(tables_of(imported, folds)).combine_chunks()
        return Predictions(SCHEMA, _with_further_slices(_with_grades(whole, folds), folds))

    def items(self) -> TaskItems:
        """Return the ids of queries and galleries as the annotations list them."""
        folds = self.listed()
        return TaskItems(
            answer="ranking",
            asked={fold.name: list(fold.asked) for fold in folds},
            gallery={fold.name: [source.id for source in fold.gallery] for fold in folds},
        )

    def counted_rows(self, imported: Imported) -> dict[str, str]:
        """Count what of rankings or hit lists is ranked otherwise than they say."""
        from fashionbench_tasks.retrieval.from_rankings import counted_rows  # noqa: PLC0415

        return counted_rows(imported, self.listed())

    def shown(self, slice_: str, side: Side, ids: Collection[str]) -> dict[str, ShownItem]:
        """Return queries or candidates of a fold as a person sees them."""
        fold = next((fold for fold in self.folds if fold.name == slice_), None)
        sources = () if fold is None else fold.queries if side == "query" else fold.gallery
        views = {} if fold is None or side == "query" else fold.views
        return {source.id: _shown(source, views.get(source.id, ())) for source in sources if source.id in ids}

    @property
    def _tolerance(self) -> float:
        return float(str(self.spec.protocol.fields["tie_tolerance"]))


def _shown(source: Source, views: Sequence[Source]) -> ShownItem:
    """Show an item, and the further views of a product."""
    shown = ShownItem.of(opened(source))
    further = {f"{name} {at}": image for at, one in enumerate(views, 2) for name, image in _images(one).items()}
    return replace(shown, images={**shown.images, **further}) if further else shown


def _images(source: Source) -> Mapping[str, Image]:
    return ShownItem.of(opened(source)).images


def _checked(folds: Sequence[Fold]) -> Sequence[Fold]:
    for fold in folds:
        check_fold(fold)
    return folds


def _in_order(table: pa.Table, order: Sequence[str]) -> pa.Table:
    """Put the rows of a fold into the task's order."""
    place = {name: at for at, name in enumerate(table.column("query_id").to_pylist())}
    return table.take([place[name] for name in order])


def _with_further_slices(table: pa.Table, folds: Sequence[Fold]) -> pa.Table:
    """Add the further slices of each query, where a fold names any."""
    further = {(fold.name, query): list(names) for fold in folds for query, names in fold.further.items()}
    if not further:
        return table
    rows = zip(table.column("slice").to_pylist(), table.column("query_id").to_pylist(), strict=True)
    return with_further_slices(table, [further.get(row, []) for row in rows])


def _with_grades(table: pa.Table, folds: Sequence[Fold]) -> pa.Table:
    """Add the grade of each positive, where a fold has any; without one it is 1."""
    grades = {(fold.name, query): own for fold in folds for query, own in fold.grades.items()}
    if not grades:
        return table
    keys = zip(table.column("slice").to_pylist(), table.column("query_id").to_pylist(), strict=True)
    names = zip(keys, table.column("positive_ids").to_pylist(), strict=True)
    rows = [[grades.get(key, {}).get(name, 1.0) for name in ids] for key, ids in names]
    return with_grades(table, rows)


def _queries(fold: Fold, session: Session) -> Sequence[Source]:
    """Return the queries of a fold; of a limited run, the first ones."""
    return fold.queries[: session.limit] if session.limit else fold.queries


def image_id(source: Source) -> str:
    """Return the id of the image of an item, or nothing where it has none."""
    if isinstance(source, ComposedFile):
        return source.path.stem
    return source.id if isinstance(source, ImageFile) or hasattr(source, "image") or hasattr(source, "at") else ""

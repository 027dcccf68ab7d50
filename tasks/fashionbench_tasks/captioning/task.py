"""Captioning tasks: ask a backend for a caption of every image, and store it beside the references."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fashionbench.data.ground_truth import Truth
from fashionbench.data.measured_items import MeasuredItems
from fashionbench.data.shown_items import ShownItem
from fashionbench.data.task_items import TaskItems
from fashionbench.errors import ConfigError, DataError, first_names
from fashionbench.predictions.base import Predictions
from fashionbench.predictions.captions import AS_RELEASED, SCHEMA, STANDARD, captions_table
from fashionbench.predictions.id_matching import IdMatcher
from fashionbench_tasks.training_part import shared_training

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pyarrow as pa

    from fashionbench.data.info import DataInfo
    from fashionbench.data.lazy_items import Source
    from fashionbench.data.shown_items import Side
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.predictions.imported import Imported
    from fashionbench.runner.session import Session
    from fashionbench.specs import TaskSpec


def _no_clusters() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionFold:
    """Images, their references, and what a backend may learn from beforehand.

    :param name: the slice that the images are reported under.
    :param items: images, or files that are read when their batch comes up.
    :param references: for each image id, one or more reference captions; the first is what an oracle says.
    :param clusters: for each image id, what is resampled as one, such as the product; by default the image itself.
    :param unavailable: ids of images that are missing or unreadable; they count as empty captions and have references
        too.
    :param order: ids of all images, the unavailable ones among them, in the task's order; by default those stand at the
        end.
    """

    name: str
    items: Sequence[Source]
    references: Mapping[str, Sequence[str]]
    clusters: Mapping[str, str] = field(default_factory=_no_clusters)
    training: TrainingData | None = None
    unavailable: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """Ids of all images in the task's order."""
        return self.order or (*(item.id for item in self.items), *self.unavailable)


class Captioning:
    """A captioning task.

    :param spec: the specification; its card names the ``instruction``, which is the same for every image.
    :param info: the fingerprinted data.
    :param folds: makes the folds, when the first backend is asked.
    :param listed: makes the folds as the annotations list them, whether the images are there or not; files of captions
        are scored against them. By default those of ``folds``.
    """

    def __init__(
        self,
        spec: TaskSpec,
        info: DataInfo,
        folds: Callable[[], Sequence[CaptionFold]],
        listed: Callable[[], Sequence[CaptionFold]] | None = None,
    ) -> None:
        self.spec = spec
        self._info = info
        self._make_folds = folds
        self._make_listed = listed or folds
        self._folds: Sequence[CaptionFold] | None = None

    def info(self) -> DataInfo:
        """Return the fingerprint and the sizes of the data."""
        return self._info

    @property
    def folds(self) -> Sequence[CaptionFold]:
        """The folds, checked.

        :raises DataError: where an image has no reference, a reference is blank, or an id stands twice.
        """
        if self._folds is None:
            folds = self._make_folds()
            for fold in folds:
                _check(fold)
            self._folds = folds
        return self._folds

    def training(self) -> TrainingData | None:
        """Return the training part that all folds share.

        :raises ConfigError: where each fold has its own.
        """
        return shared_training(self.spec.id, [fold.training for fold in self.folds])

    def evaluated(self) -> frozenset[str]:
        """Return the ids of all images that are captioned."""
        return frozenset(item.id for fold in self.folds for item in fold.items)

    def predict(self, session: Session) -> Predictions:
        """Ask for a caption of each image of each fold."""
        import pyarrow as pa  # noqa: PLC0415

        session.expect_fit([fold.training for fold in self.folds])
        counts = (len(fold.items[: session.limit] if session.limit else fold.items) for fold in self.folds)
        session.expect("caption", sum(counts))
        tables = [table for fold in self.folds for table in self._fold_tables(fold, session)]
        return Predictions(SCHEMA, pa.concat_tables(tables).combine_chunks())

    def _fold_tables(self, fold: CaptionFold, session: Session) -> list[pa.Table]:
        items = fold.items[: session.limit] if session.limit else fold.items
        truth = Truth(captions={item.id: fold.references[item.id][0] for item in items})
        with session.fold(
            fold.training, truth, MeasuredItems(sources=fold.items, groups=frozenset(fold.clusters.values()))
        ) as backend:
            captions = backend.caption(items, self._instruction)
        said: dict[str, str | None] = dict(zip((item.id for item in items), captions, strict=True))
        names = list(said) if session.limit else fold.asked
        return [_table(fold, names, [said.get(name) for name in names])]

    def predictions_of(self, imported: Imported) -> Predictions:
        """Compare a file's captions with the references; the images need not be there.

        :raises DataError: where an image has no caption, or one is of an unknown image.
        """
        import pyarrow as pa  # noqa: PLC0415

        folds = self._make_listed()
        for fold in folds:
            _check(fold)
        captions = captions_by_id(imported, [name for fold in folds for name in fold.asked])
        tables = [_table(fold, fold.asked, [captions[name] for name in fold.asked]) for fold in folds]
        return Predictions(SCHEMA, pa.concat_tables(tables).combine_chunks())

    def items(self) -> TaskItems:
        """Return the ids of the images as the annotations list them."""
        return TaskItems(answer="caption", asked={fold.name: list(fold.asked) for fold in self._make_listed()})

    def shown(self, slice_: str, side: Side, ids: Collection[str]) -> dict[str, ShownItem]:
        """Return images of a fold as a person sees them."""
        from fashionbench.data.lazy_items import opened  # noqa: PLC0415  # the specifications import this module

        items = [item for fold in self.folds if fold.name == slice_ and side == "query" for item in fold.items]
        return {item.id: ShownItem.of(opened(item)) for item in items if item.id in ids}

    @property
    def _instruction(self) -> str:
        instruction = self.spec.protocol.fields.get("instruction")
        if not isinstance(instruction, str):
            msg = f"the protocol card of {self.spec.id} has no instruction for the captioner"
            raise ConfigError(msg, remedy="make the card with caption_fields(), which asks for it")
        return instruction


def caption_fields(
    *,
    instruction: str,
    references: int | str,
    unit: str,
    max_tokens: int | None,
    as_released: bool = False,
) -> dict[str, object]:
    """Make the fields that the cards of all captioning tasks have; ``split``, ``metrics`` and the like come on top.

    :param instruction: the prompt that every backend gets with every image; may be empty.
    :param references: how many references an item has, or words for it such as ``1 to 5``.
    :param unit: what an item is, such as ``photo`` or ``product``.
    :param max_tokens: after how many tokens of its own a backend must stop; None leaves it to the backend.
    :param as_released: score as the script does that UniFashion released, instead of the standard way.
    :raises ConfigError: where roles are to be swapped and there is not one reference an item.
    """
    if as_released and references != 1:
        msg = f"the released script swaps a caption with its one reference, and there are {references}"
        raise ConfigError(msg, remedy="choose one reference an item, or the standard metric")
    return {
        "average": "queries",
        "instruction": instruction,
        "unit": unit,
        "references": references,
        "max_tokens": "as the backend decides" if max_tokens is None else max_tokens,
        "decoding": "as the backend decides",
        "missing": "an unreadable image has an empty caption",
        "caption_metric": AS_RELEASED if as_released else STANDARD,
        "tokeniser": "PTB of Stanford CoreNLP 3.4.1, without the punctuation of pycocoevalcap, each caption by itself",
        "case": "lower",
        "truncation": "100 characters" if as_released else "none",
        "bleu": "corpus, nearest reference length",
        "cider_idf": "the references of all evaluated items",
    }


def captions_by_id(imported: Imported, wanted: Sequence[str]) -> dict[str, str]:
    """Find the caption of each image in files.

    :raises DataError: where one is missing, unknown, or said twice.
    """
    images = IdMatcher(wanted)
    found: dict[str, str] = {}
    stray: list[str] = []
    for given, text in imported.captions.items():
        name = images.find(given)
        if name is None:
            stray.append(given)
        elif name in found:
            raise DataError(f"{imported.name} has two captions of {name!r}, one as {given!r}", remedy="keep one")
        else:
            found[name] = text
    such = f"the task has such as {first_names(images.names, 2)}"
    lacking = [name for name in images.names if name not in found]
    if lacking:
        msg = f"{imported.name} has no caption of {len(lacking)} of {len(images.names)} images: {first_names(lacking)}"
        raise DataError(msg, remedy=f"every image needs one; {such}")
    if stray:
        msg = f"{imported.name} has captions of {len(stray)} unknown images: {first_names(stray)}"
        raise DataError(msg, remedy=f"leave them out; {such}")
    return found


def _table(fold: CaptionFold, ids: Sequence[str], captions: Sequence[str | None]) -> pa.Table:
    clusters = [fold.clusters.get(name, name) for name in ids]
    return captions_table(fold.name, ids, clusters, captions, [fold.references[name] for name in ids])


def _check(fold: CaptionFold) -> None:
    seen: set[str] = set()
    for name in [*(item.id for item in fold.items), *fold.unavailable]:
        if name in seen:
            raise DataError(f"fold {fold.name}: the image {name!r} stands twice", remedy="remove one of the two")
        seen.add(name)
        references = fold.references.get(name, ())
        if isinstance(references, str) or not references:
            msg = f"fold {fold.name}: the image {name!r} has no list of references"
            raise DataError(msg, remedy="leave out images that nobody has described")
        if not all(reference.strip() for reference in references):
            msg = f"fold {fold.name}: a reference of the image {name!r} is blank"
            raise DataError(msg, remedy="remove the blank one from its references")

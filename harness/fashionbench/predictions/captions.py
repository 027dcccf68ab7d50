"""The predictions schema ``captions/1``: what a captioning task leaves behind, and the texts read back from it.

One row an image. The texts are as the backend and the data set have them: tokenising belongs to the metrics.

==============  ===============  =====================================================================
column          type             meaning
==============  ===============  =====================================================================
item_id         string
slice           string           the part of the task that the image belongs to
cluster         string           what is resampled as one: the product, or the image
caption         string           as the backend said it; null where its image could not be read
references      list of string   one or more
==============  ===============  =====================================================================

An image that could not be read counts as one with an empty caption, in every metric.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.errors import BackendError, DataError, MetricError, first_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

SCHEMA = "captions/1"
COLUMNS = ("item_id", "slice", "cluster", "caption", "references")

#: Values of the card's field ``caption_metric``. The second is the metric script that UniFashion released: generated
#: captions stand in the place of references and the reverse, and both are cut before they are tokenised.
STANDARD = "standard"
AS_RELEASED = "as-released (roles swapped, cut at 100 characters)"

_CUT = 100
_SHOWN = 10


@dataclass(frozen=True, eq=False, slots=True)
class Corpus:
    """Captions with what they are compared with; equal to another where all texts are equal.

    :param swapped: whether captions stand in the place of references.
    :param digest: a hash of all texts, by which work on them is remembered.
    """

    item_ids: tuple[str, ...]
    candidates: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    swapped: bool
    digest: bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Corpus) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def captions_table(
    slice_: str,
    item_ids: Sequence[str],
    clusters: Sequence[str],
    captions: Sequence[str | None],
    references: Sequence[Sequence[str]],
) -> pa.Table:
    """Write the captions of one fold as a table of the schema ``captions/1``.

    :param captions: None stands for an image that could not be read.
    :raises BackendError: on a caption that is no Unicode text, naming the item.
    :raises DataError: on such a reference.
    """
    import pyarrow as pa  # noqa: PLC0415

    for name, caption, refs in zip(item_ids, captions, references, strict=True):
        if caption is not None and not _encodes(caption):
            msg = f"the caption of {name!r} has a lone surrogate: {caption!a}"
            raise BackendError(msg, remedy="decode the tokens of a caption together, not one by one")
        if not all(map(_encodes, refs)):
            msg = f"a reference of {name!r} has a lone surrogate: {list(refs)!a}"
            raise DataError(msg, remedy="read the annotation file as UTF-8, or mend the text")
    columns = {
        "item_id": list(item_ids),
        "slice": [slice_] * len(item_ids),
        "cluster": list(clusters),
        "caption": list(captions),
        "references": [list(refs) for refs in references],
    }
    return pa.table(columns, schema=schema())


def schema() -> pa.Schema:
    """Return the Arrow schema of ``captions/1``."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.schema(list(zip(COLUMNS, [pa.string()] * 4 + [pa.list_(pa.string())], strict=True)))


def corpus_of(table: pa.Table, card: Mapping[str, Any]) -> Corpus:
    """Read the texts back, in the roles that the card's field ``caption_metric`` gives them.

    Without the field the metric is the standard one.

    :raises MetricError: where a column is missing, an item has no reference, the field has a value that is not known,
        or roles are to be swapped and an item has several references.
    """
    lacking = [name for name in ("item_id", "caption", "references") if name not in table.column_names]
    if lacking:
        raise MetricError(f"the predictions have no column {', '.join(lacking)}", remedy=f"they must be {SCHEMA}")
    ids = tuple(table.column("item_id").to_pylist())
    captions = tuple(caption or "" for caption in table.column("caption").to_pylist())
    references = tuple(tuple(refs or ()) for refs in table.column("references").to_pylist())
    if not ids:
        raise MetricError("there are no captions", remedy="look whether the data set is empty")
    refuse(ids, (not refs or None in refs for refs in references), "no reference, or one that is null")
    metric = card.get("caption_metric", STANDARD)
    if metric == AS_RELEASED:
        refuse(
            ids, (len(refs) > 1 for refs in references), "several references, which cannot swap roles with a caption"
        )
        cut = tuple((caption[:_CUT],) for caption in captions)
        return _corpus(ids, tuple(refs[0][:_CUT] for refs in references), cut, swapped=True)
    if metric != STANDARD:
        remedy = f"write {STANDARD!r} or {AS_RELEASED!r}"
        raise MetricError(f"the protocol card has the caption_metric {metric!r}", remedy=remedy)
    return _corpus(ids, captions, references, swapped=False)


def refuse(item_ids: Sequence[str], wrong: Iterable[bool], what: str) -> None:
    """Refuse items that a metric cannot be computed with.

    :param wrong: for each item, whether it is one of them.
    :param what: what such an item has.
    :raises MetricError: where there is one, naming the first of them.
    """
    named = [name for name, is_wrong in zip(item_ids, wrong, strict=True) if is_wrong]
    if named:
        msg = f"items with {what}: {first_names(named, _SHOWN)}"
        raise MetricError(msg, remedy="leave them out where the data set is loaded, and count them as missing")


def _corpus(
    ids: tuple[str, ...], candidates: tuple[str, ...], references: tuple[tuple[str, ...], ...], *, swapped: bool
) -> Corpus:
    state = hashlib.blake2b(b"swapped" if swapped else b"standard", digest_size=32)
    for name, candidate, refs in zip(ids, candidates, references, strict=True):
        state.update(len(refs).to_bytes(8, "big"))
        for text in (name, candidate, *refs):
            # The length goes first, or two ways to cut one text would be equal.
            encoded = text.encode()
            state.update(len(encoded).to_bytes(8, "big") + encoded)
    return Corpus(ids, candidates, references, swapped, state.digest())


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

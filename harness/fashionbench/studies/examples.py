"""Choose single cases of a record from its stored predictions, worst first; what they look like comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.boards.examples import Example, Examples, Thing
from fashionbench.boards.text import figure
from fashionbench.errors import FashionBenchError
from fashionbench.metrics.outfits.roc_auc import SCHEMA as SCORED
from fashionbench.predictions import captions, images, ranking
from fashionbench.studies.item_values import item_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pyarrow as pa

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store

#: How many cases of a record are shown, and how many answers of a ranking.
CASES = 12
ANSWERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseValues:
    """How each case of a record went: of a ranking the rank of the first right answer, else a metric of the item.

    :param values: by slice and id.
    """

    measure: str
    unit: str
    higher_is_better: bool
    values: Mapping[tuple[str, str], float]

    def worst(self) -> list[tuple[str, str]]:
        """Return slices and ids, worst first."""
        sign = 1 if self.higher_is_better else -1
        return sorted(self.values, key=lambda case: (sign * self.values[case], *case))


def case_values(record: Record, table: pa.Table, store: Store, plugins: Plugins) -> CaseValues | None:
    """Return how each case went; None where that is not stored.

    :param table: the record's predictions.
    """
    assert record.predictions is not None  # noqa: S101
    if record.predictions.schema_id == ranking.SCHEMA:
        columns: list[list[Any]] = [table.column(name).to_pylist() for name in ("slice", "query_id", "better", "tied")]
        rows = zip(*columns, strict=True)
        ranks = {(slice_, query): min(map(_rank, better, tied)) for slice_, query, better, tied in rows if better}
        return CaseValues(measure="rank of the first right answer", unit="rank", higher_is_better=False, values=ranks)
    if record.predictions.schema_id == SCORED:
        return _scored_values(table)
    # Others than those that were kept need more than records.
    for name in (part.id for part in record.metrics if part.values):
        try:
            found = item_values(record, name, store, plugins, table=table)
        except FashionBenchError:
            continue
        if found is not None:
            values = dict(zip(zip(found.slices, found.ids, strict=True), found.values.tolist(), strict=True))
            better = found.higher_is_better
            return CaseValues(measure=name, unit=found.unit, higher_is_better=better, values=values)
    return None


def _scored_values(table: pa.Table) -> CaseValues:
    """Return for each labelled item the share of those of the other label that lie on the right side; a tie is half."""
    import numpy as np  # noqa: PLC0415

    labels = np.asarray(table.column("label").to_pylist(), dtype=bool)
    scores = np.asarray(table.column("score").to_pylist(), dtype=np.float64)
    shares = np.zeros(len(scores))
    for label in (True, False):
        others = np.sort(scores[labels != label])
        mine = scores[labels == label]
        below = (np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")) / 2
        right = below if label else len(others) - below
        shares[labels == label] = right / max(len(others), 1)
    cases = zip(table.column("slice").to_pylist(), table.column("item_id").to_pylist(), strict=True)
    values = dict(zip(cases, shares.tolist(), strict=True))
    return CaseValues(
        measure="share of the other kind on the right side", unit="fraction", higher_is_better=True, values=values
    )


def examples_of(
    record: Record,
    store: Store,
    plugins: Plugins,
    cases: int = CASES,
    *,
    items: Collection[tuple[str, str]] | None = None,
) -> Examples | None:
    """Choose cases of a record; None where its predictions are of no kind that can be shown, or cannot be read.

    :param items: slice and id of those to choose from; None for all.
    """
    if record.predictions is None:
        return None
    try:
        table = store.read_predictions(record.predictions)
    except FashionBenchError:
        return None
    return choose(record, table, case_values(record, table, store, plugins), cases, items=items)


def choose(
    record: Record,
    table: pa.Table,
    known: CaseValues | None,
    cases: int = CASES,
    *,
    items: Collection[tuple[str, str]] | None = None,
) -> Examples | None:
    """Choose cases of a record as :func:`examples_of` does.

    :param table: the record's predictions.
    :param known: how each case went; without it the first cases are chosen.
    """
    schema = record.predictions.schema_id if record.predictions else ""
    if schema not in _KINDS:
        return None
    kind, name, make = _KINDS[schema]
    if schema == images.SCHEMA:
        import pyarrow.compute as pc  # noqa: PLC0415

        table = table.filter(pc.equal(table.column("side"), "generated"))
    ids = list(zip(table.column("slice").to_pylist(), table.column(name).to_pylist(), strict=True))
    places = {case: at for at, case in enumerate(ids) if items is None or case in items}
    chosen = [case for case in known.worst() if case in places] if known else list(places)
    if not chosen:
        return None
    # Lists of answers are long, so only those of the chosen rows become objects.
    rows = table.take([places[case] for case in chosen[:cases]]).to_pylist()
    made = []
    for case, row in zip(chosen, rows, strict=False):
        said = f"{known.measure} {figure(known.values[case], known.unit)}" if known else ""
        made.append(make(row, said))
    return Examples(kind=kind, order=known.measure if known else "", cases=tuple(made))


def _rank(better: int, tied: int) -> float:
    """Return the rank of a positive, on average over the orders of those that tie with it."""
    return 1 + better + tied / 2


def _ranking(row: dict[str, Any], said: str) -> Example:
    right = set(row["positive_ids"])
    return Example(
        slice=row["slice"],
        outcome=f"{said} of {row['n_candidates']}",
        asked=Thing(id=row["query_id"]),
        answers=tuple(Thing(id=name, right=name in right) for name in row["top_ids"][:ANSWERS]),
        expected=tuple(Thing(id=name, right=True) for name in row["positive_ids"][:ANSWERS]),
    )


def _caption(row: dict[str, Any], said: str) -> Example:
    return Example(
        slice=row["slice"],
        outcome=said,
        asked=Thing(id=row["item_id"]),
        answers=(Thing(id="caption", text=row["caption"] or ""),),
        expected=tuple(Thing(id="reference", text=text, right=True) for text in row["references"][:ANSWERS]),
    )


def _image(row: dict[str, Any], said: str) -> Example:
    asked, answer = Thing(id=row["item_id"]), Thing(id=row["image"])
    return Example(slice=row["slice"], outcome=said, asked=asked, answers=(answer,))


def _scored(row: dict[str, Any], said: str) -> Example:
    score = Thing(id="score", text=f"score {row['score']:.3f}")
    truth = Thing(id="truth", text="belongs together" if row["label"] else "does not belong together", right=True)
    asked = Thing(id=row["item_id"])
    return Example(slice=row["slice"], outcome=said, asked=asked, answers=(score,), expected=(truth,))


_KINDS: Mapping[str, tuple[str, str, Callable[[dict[str, Any], str], Example]]] = {
    ranking.SCHEMA: ("ranking", "query_id", _ranking),
    captions.SCHEMA: ("captions", "item_id", _caption),
    SCORED: ("scored", "item_id", _scored),
    images.SCHEMA: ("images", "item_id", _image),
}

"""Choose single cases of a record from its stored predictions, worst first; what they look like comes later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.boards.examples import Example, Examples, Thing
from fashionbench.boards.text import figure
from fashionbench.errors import FashionBenchError
from fashionbench.predictions import captions, images, ranking
from fashionbench.studies.item_values import item_values

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.studies.item_values import ItemValues

#: How many cases of a record are shown, and how many answers of a ranking.
CASES = 12
ANSWERS = 8


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
    if record.predictions is None or record.predictions.schema_id not in _CHOOSERS:
        return None
    try:
        table = store.read_predictions(record.predictions)
    except FashionBenchError:
        return None
    if items is not None:
        named = zip(*(table.column(name).to_pylist() for name in ("slice", table.schema.names[0])), strict=True)
        table = table.filter([pair in items for pair in named])
    return _CHOOSERS[record.predictions.schema_id](record, table, store, plugins, cases)


def _rankings(_record: Record, table: pa.Table, _store: Store, _plugins: Plugins, cases: int) -> Examples | None:
    # Lists of answers are long, so only those of the chosen rows become objects.
    places = []
    names = ("slice", "query_id", "better", "tied")
    columns: list[list[Any]] = [table.column(name).to_pylist() for name in names]
    for at, (slice_, query, better, tied) in enumerate(zip(*columns, strict=True)):
        if better:  # the expected rank of the first positive, among those that tie with it
            places.append((-min(map(_ahead, better, tied)) - 1, slice_, query, at))
    places.sort()
    shown = ("query_id", "slice", "n_candidates", "positive_ids", "top_ids")
    rows = table.select(shown).take([at for *_, at in places[:cases]]).to_pylist()
    chosen = []
    for (worst, *_), row in zip(places, rows, strict=False):
        place = figure(-worst, "rank")
        right = set(row["positive_ids"])
        chosen.append(
            Example(
                slice=row["slice"],
                outcome=f"first right answer at rank {place} of {row['n_candidates']}",
                asked=Thing(id=row["query_id"]),
                answers=tuple(Thing(id=name, right=name in right) for name in row["top_ids"][:ANSWERS]),
                expected=tuple(Thing(id=name, right=True) for name in row["positive_ids"][:ANSWERS]),
            )
        )
    return Examples(kind="ranking", order="the rank of the first right answer", cases=tuple(chosen)) if chosen else None


def _ahead(better: int, tied: int) -> float:
    """Return how many candidates stand before a positive, on average over the orders of those that tie."""
    return better + tied / 2


def _captions(record: Record, table: pa.Table, store: Store, plugins: Plugins, cases: int) -> Examples | None:
    rows = table.select(("item_id", "slice", "caption", "references")).to_pylist()
    values = _first_values(record, table, store, plugins)
    chosen = tuple(
        Example(
            slice=row["slice"],
            outcome=outcome,
            asked=Thing(id=row["item_id"]),
            answers=(Thing(id="caption", text=row["caption"] or ""),),
            expected=tuple(Thing(id="reference", text=text, right=True) for text in row["references"][:ANSWERS]),
        )
        for row, outcome in _worst(rows, values, cases)
    )
    order = f"{values.metric} of the item" if values else ""
    return Examples(kind="captions", order=order, cases=chosen) if chosen else None


def _images(record: Record, table: pa.Table, store: Store, plugins: Plugins, cases: int) -> Examples | None:
    columns = ("item_id", "slice", "side", "image")
    rows = [row for row in table.select(columns).to_pylist() if row["side"] == "generated"]
    values = _first_values(record, table, store, plugins)
    chosen = tuple(
        Example(
            slice=row["slice"],
            outcome=outcome,
            asked=Thing(id=row["item_id"]),
            answers=(Thing(id=row["image"]),),
        )
        for row, outcome in _worst(rows, values, cases)
    )
    order = f"{values.metric} of the item" if values else ""
    return Examples(kind="images", order=order, cases=chosen) if chosen else None


_CHOOSERS = {ranking.SCHEMA: _rankings, captions.SCHEMA: _captions, images.SCHEMA: _images}


def _first_values(record: Record, table: pa.Table, store: Store, plugins: Plugins) -> ItemValues | None:
    """Return the values by item of the first of a record's metrics that kept them; others need more than records."""
    for name in (part.id for part in record.metrics if part.values):
        try:
            values = item_values(record, name, store, plugins, table=table)
        except FashionBenchError:
            continue
        if values is not None:
            return values
    return None


def _worst(rows: list[dict[str, str]], values: ItemValues | None, cases: int) -> list[tuple[dict[str, str], str]]:
    """Order rows by their value, worst first, and say it; without values, by their place."""
    if values is None:
        return [(row, "") for row in rows[:cases]]
    keys = zip(values.ids, values.slices, strict=True)
    known = dict(zip(keys, values.values.tolist(), strict=True))
    sign = 1 if values.higher_is_better else -1
    found = [(row, known[row["item_id"], row["slice"]]) for row in rows if (row["item_id"], row["slice"]) in known]
    found.sort(key=lambda pair: (sign * pair[1], pair[0]["slice"], pair[0]["item_id"]))
    return [(row, f"{values.metric} {figure(value, values.unit)}") for row, value in found[:cases]]

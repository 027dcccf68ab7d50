"""Test all pairs of rows in the columns of a board: rank sets, the group tied with the best, what could be told apart.

A board alone is made of records. These tests need the values by item, and so the stored predictions.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.boards.table import Against, ColumnTests
from fashionbench.errors import ConfigError, FashionBenchError, first_names
from fashionbench.seeding import seed_of
from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.paired import holm, paired_interval
from fashionbench.statistics.pairwise import POWER, PairwiseTests, pairwise_tests
from fashionbench.statistics.seeds import seed_difference_interval, seed_difference_p_value
from fashionbench.studies.item_values import ItemValues, gains, item_values, mean_over_seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.boards import Board, Head, Row, Table, Value
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.statistics.bootstrap import Average

#: The level of the family of a column.
ALPHA = 0.05


def with_tests(board: Board, store: Store, plugins: Plugins) -> Board:
    """Return the board with the tests of every column of its tables.

    :param store: the store whose records the board was made of.
    :raises ConfigError: where the board names a base that is none of its rows, or several.
    """
    records = store.scan({column.task for column in board.spec.columns}).current()
    return tested(board, {record.record_id: (record, store) for record in records}, plugins, {})


def tested(
    board: Board,
    records: Mapping[str, tuple[Record, Store]],
    plugins: Plugins,
    tables: dict[str, pa.Table],
) -> Board:
    """Return the board with the tests of every column of its tables.

    :param records: the records that it was made of, by id, each with the store that holds its predictions.
    :param tables: takes the predictions that were read, by their hash, for others who need them.
    :raises ConfigError: where the board names a base that is none of its rows, or several.
    """
    _check_base(board)
    reader = _Reader(records, plugins, tables)
    made = [replace(table, tests=_tests(table, board.spec.base, reader)) for table in board.tables]
    return replace(board, tables=tuple(made))


def _check_base(board: Board) -> None:
    rows = [[row for row in table.rows if _is_base(row, board.spec.base)] for table in board.tables]
    labels = sorted({row.label for table in board.tables for row in table.rows})
    if not board.spec.base or not labels or any(len(found) == 1 for found in rows):
        return
    msg = f"board {board.spec.id} names the base {board.spec.base!r}, and its rows are: {first_names(labels)}"
    raise ConfigError(msg, remedy="name one row by its whole label, or run the base first")


def _is_base(row: Row, base: str) -> bool:
    return bool(base) and base in {row.label, row.backend}


class _Reader:
    """Reads the values by item of rows; the predictions of each record once, for one column at a time."""

    def __init__(
        self, records: Mapping[str, tuple[Record, Store]], plugins: Plugins, tables: dict[str, pa.Table]
    ) -> None:
        self._records = records
        self._plugins = plugins
        self._tables = tables
        self._lock = Lock()
        self._values: dict[tuple[str, str], ItemValues | None] = {}

    def by_seed(self, value: Value, metric: str) -> list[ItemValues] | None:
        """Return the values by item of each seed behind a value; None where one has none."""
        with self._lock:
            found = [self._of(record_id, metric) for record_id in value.records]
        known = [one for one in found if one is not None]
        return known if known and len(known) == len(found) else None

    def _of(self, record_id: str, metric: str) -> ItemValues | None:
        key = record_id, metric
        if key not in self._values:
            self._values[key] = self._read(record_id, metric)
        return self._values[key]

    def _read(self, record_id: str, metric: str) -> ItemValues | None:
        if record_id not in self._records:
            return None
        record, store = self._records[record_id]
        if record.predictions is None:
            return None
        digest = record.predictions.sha256
        try:
            if digest not in self._tables:
                self._tables[digest] = store.read_predictions(record.predictions)
            return item_values(record, metric, store, self._plugins, table=self._tables[digest])
        except FashionBenchError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """The values by item of a row: float64 [S, N], one row a seed."""

    values: NDArray[np.float64]
    items: ItemValues
    strata: tuple[str, ...] | None

    @property
    def average(self) -> Average:
        return "items" if self.strata is None else "strata"


def _tests(table: Table, base: str, reader: _Reader) -> tuple[ColumnTests, ...]:
    # Nearly all of the time goes to numpy, which lets other threads work; each column has a seed of its own.
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as pool:
        return tuple(pool.map(lambda at: _column(table, at, table.heads[at], base, reader), range(len(table.heads))))


def _column(table: Table, at: int, head: Head, base: str, reader: _Reader) -> ColumnTests:
    values = [row.values[at] for row in table.rows]
    entries = [_entry(value, head, reader) for value in values]
    family = [n for n, row in enumerate(table.rows) if _takes_part(row, values[n])]
    reason = _no_ranks(family, values, entries)
    named = [n for n, row in enumerate(table.rows) if _is_base(row, base)]
    nothing = ColumnTests(ranks=(None,) * len(values), tied_with_best=(False,) * len(values), reason=reason)
    if not reason:
        nothing = _ranked(family, entries, values, head)
    named = named if len(named) == 1 else []
    reference = named[0] if named else nothing.reference
    if reference is None or values[reference].value is None:
        return replace(nothing, reference=None)
    against = [
        None if n == reference else _against(n, reference, values, entries, head, paired=bool(named))
        for n in range(len(values))
    ]
    return replace(nothing, reference=reference, base=bool(named), against=tuple(against))


def _takes_part(row: Row, value: Value) -> bool:
    """Tell whether a row is one of those that are ranked: no control, no limited run, no bound instead of a value."""
    return value.value is not None and not row.control and "partial" not in row.marks and not value.bound


def _entry(value: Value, head: Head, reader: _Reader) -> _Entry | None:
    if value.value is None:
        return None
    seeds = reader.by_seed(value, head.column.metric)
    if seeds is None:
        return None
    parts = [one.of_slice(head.column.slice) for one in seeds]
    first = parts[0]
    if first is None or first[0].statistic == "median":
        return None
    items, strata = first
    for part in parts:
        if part is None or (part[0].ids, part[0].slices) != (items.ids, items.slices):
            return None
    return _Entry(values=np.stack([part[0].values for part in parts if part]), items=items, strata=strata)


def _no_ranks(family: list[int], values: list[Value], entries: list[_Entry | None]) -> str:
    if len(family) < 2:
        return "fewer than two rows to compare"
    counts = sorted({values[n].n for n in family})
    if len(counts) > 1:
        return f"n differs between rows: {', '.join(f'{count:,}' for count in counts)}"
    known = [entry for n in family if (entry := entries[n]) is not None]
    if len(known) < len(family):
        return "no values by item that could be compared"
    first = known[0].items
    if any((one.items.ids, one.items.slices) != (first.ids, first.slices) for one in known):
        return "the items of the rows are not the same"
    for n in family:
        value, entry = values[n].value, entries[n]
        if entry and value is not None and not np.isclose(mean_over_seeds(entry.values, entry.strata), value):
            return "the values by item do not average to the value"
    return ""


def _ranked(family: list[int], entries: list[_Entry | None], values: list[Value], head: Head) -> ColumnTests:
    chosen = [entry for n in family if (entry := entries[n]) is not None]
    first = chosen[0]
    better = head.higher_is_better
    if max(len(entry.values) for entry in chosen) > 1:
        tests = _over_seeds(chosen)
    else:
        records = sorted(record for n in family for record in values[n].records)
        tests = pairwise_tests(
            np.stack([entry.values[0] for entry in chosen]),
            clusters=first.items.clusters,
            strata=first.strata,
            average=first.average,
            alpha=ALPHA,
            seed=seed_of("column", *records, head.column.metric, head.column.slice),
        )
    ranks: list[tuple[int, int] | None] = [None] * len(values)
    tied = [False] * len(values)
    sets = tests.rank_sets(ALPHA, higher_is_better=better)
    with_best = tests.tied_with_best(ALPHA, higher_is_better=better)
    for n, ends, same in zip(family, sets, with_best.tolist(), strict=True):
        ranks[n], tied[n] = ends, same
    best = int(np.argmax(tests.means if better else -tests.means))
    return ColumnTests(
        ranks=tuple(ranks),
        tied_with_best=tuple(tied),
        groups=tuple(tuple(family[n] for n in group) for group in tests.groups(ALPHA, higher_is_better=better)),
        detectable=tests.detectable,
        reference=family[best],
        method=f"{tests.method}, {len(family)} rows",
    )


def _over_seeds(entries: list[_Entry]) -> PairwiseTests:
    """Test all pairs where some were trained with several seeds: seeds and clusters vary, adjusted after Holm.

    What is detectable is a little too large: standard errors are read off intervals, whose quantiles are those of t.
    """
    first = entries[0]
    means = np.array([mean_over_seeds(entry.values, entry.strata) for entry in entries])
    pairs = list(combinations(range(len(entries)), 2))
    raw: list[float] = []
    errors: list[float] = []
    for left, right in pairs:
        one, two = entries[left].values, entries[right].values
        how = {"clusters": first.items.clusters, "strata": first.strata, "average": first.average}
        p_value = seed_difference_p_value(one, two, **how)  # type: ignore[arg-type]
        interval = seed_difference_interval(one, two, **how)  # type: ignore[arg-type]
        raw.append(1.0 if p_value is None else p_value)
        if not isinstance(interval, NoInterval):
            errors.append((interval.high - interval.low) / 2 / NormalDist().inv_cdf(0.975))
    p_values = np.ones((len(entries), len(entries)))
    for (left, right), adjusted in zip(pairs, holm(raw).tolist(), strict=True):
        p_values[left, right] = p_values[right, left] = adjusted
    critical = NormalDist().inv_cdf(1 - ALPHA / len(pairs) / 2) + NormalDist().inv_cdf(POWER)
    detectable = critical * float(np.median(errors)) if errors else None
    return PairwiseTests(means, means[:, None] - means[None, :], p_values, detectable, "seeds and clusters/Holm")


def _against(
    row: int, reference: int, values: list[Value], entries: list[_Entry | None], head: Head, *, paired: bool
) -> Against | None:
    value, base = values[row].value, values[reference].value
    if value is None or base is None or values[row].n != values[reference].n:
        return None
    against = Against(difference=value - base)
    mine, theirs = entries[row], entries[reference]
    if mine is None or theirs is None or mine.items.ids != theirs.items.ids:
        return against
    gain = gains(theirs.values, mine.values, higher_is_better=head.higher_is_better)
    wins, losses = int((gain > 0).sum()), int((gain < 0).sum())
    against = replace(against, wins=wins, ties=gain.size - wins - losses, losses=losses)
    if not paired:
        return against
    clusters, strata, average = mine.items.clusters, mine.strata, mine.average
    if max(len(mine.values), len(theirs.values)) > 1:
        interval = seed_difference_interval(
            mine.values, theirs.values, clusters=clusters, strata=strata, average=average
        )
    else:
        seed = seed_of("base", *sorted([*values[row].records, *values[reference].records]), head.column.metric)
        interval = paired_interval(
            mine.values[0], theirs.values[0], clusters=clusters, strata=strata, average=average, seed=seed
        )
    return replace(against, interval=interval.bounds)

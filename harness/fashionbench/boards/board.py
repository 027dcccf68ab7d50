"""A leaderboard as a pure function of records and a specification.

What was measured otherwise than the main table goes to a table of its own, which says in what it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.boards.columns import check_columns
from fashionbench.boards.references import Reported, references_for
from fashionbench.boards.rows import make_table
from fashionbench.boards.selection import row_keys, selected
from fashionbench.boards.signature import difference, main_signature, signature_of
from fashionbench.canonical import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fashionbench.boards.table import Signature, Table
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Fault, Store
    from fashionbench.specs import BoardSpec, Column
    from fashionbench.specs.protocol import ProtocolCard


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard.

    :param tables: one for each group of columns, then one for each other way of measuring.
    :param faults: files of the store that were left out; a board with faults is incomplete.
    :param references: published numbers of its columns; they stand in none of the tables.
    """

    spec: BoardSpec
    tables: tuple[Table, ...]
    faults: tuple[Fault, ...] = ()
    cards: dict[str, ProtocolCard] = field(default_factory=dict)
    references: tuple[Reported, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not self.faults

    @classmethod
    def of(
        cls,
        spec: BoardSpec,
        store: Store,
        plugins: Plugins,
        run: Sequence[Record] | None = None,
        *,
        predictions: bool = True,
    ) -> Board:
        """Make a board of the current records of a store; damaged files are left out and named.

        :param run: the records of a run: what failed in others is left out, unless it is of a row of this run.
        :param predictions: whether predictions and values are read, to compare them with their checksums.
        """
        tasks = {column.task for column in spec.columns}
        scan = store.scan(tasks)
        faults = list(scan.faults)
        current = [record for record in scan.current() if record.task.id in tasks]
        key_of = row_keys([*current, *(run or ())])
        rows = None if run is None else {key_of(record) for record in run}
        sound: list[Record] = []
        for record in current:
            if record.error is None or rows is None or key_of(record) in rows:
                fault = store.check_predictions(record) if predictions else None
                sound.append(record) if fault is None else faults.append(fault)
        return cls.build(spec, sound, plugins, faults)

    @classmethod
    def build(cls, spec: BoardSpec, records: Sequence[Record], plugins: Plugins, faults: Iterable[Fault] = ()) -> Board:
        """Make a board of records.

        :raises ConfigError: where a column names a task that no plugin has registered, or a metric that it never has.
        """
        check_columns(spec, records, plugins)
        wanted = {column.task for column in spec.columns}
        kept = selected(record for record in records if record.task.id in wanted)
        main = [main_signature(column, kept, plugins) for column in spec.columns]
        chosen = dict(zip(spec.columns, main, strict=True))
        groups = list(dict.fromkeys(column.group for column in spec.columns))
        tables: list[Table] = []
        for group in groups:
            columns = [column for column in spec.columns if column.group == group]
            signatures = [chosen[column] for column in columns]
            tables.append(make_table(spec, group or spec.title, columns, signatures, kept, plugins))
        tables += _separate_tables(spec, main, kept, plugins)
        cards = {record.protocol.hash: record.card for record in kept}
        references = references_for(spec.columns, plugins.references)
        return cls(spec, tuple(tables), tuple(faults), cards, references)


def _separate_tables(
    spec: BoardSpec, main: Sequence[Signature | None], records: Sequence[Record], plugins: Plugins
) -> list[Table]:
    """Make a table for each task and each other way it was measured."""
    tables: list[Table] = []
    for task in sorted({column.task for column in spec.columns}):
        pairs = [(column, chosen) for column, chosen in zip(spec.columns, main, strict=True) if column.task == task]
        columns, anchors = [column for column, _ in pairs], [chosen for _, chosen in pairs]
        for signatures, own in _ways(task, columns, anchors, records):
            # The note is on the first column that differs; others may be measured as in the main table.
            way, anchor = next((s, a) for s, a in zip(signatures, anchors, strict=True) if s is not None)
            note = difference(way, anchor, records)
            title = f"{task}, measured otherwise ({short(way.protocol, 8)}/{short(way.fingerprint, 8)})"
            tables.append(make_table(spec, title, columns, signatures, own, plugins, note=note, main=False))
    return tables


def _ways(
    task: str, columns: Sequence[Column], anchors: Sequence[Signature | None], records: Sequence[Record]
) -> list[tuple[list[Signature | None], list[Record]]]:
    """Bring records together that were measured in one way, other than the main table's.

    A record without a value in some column goes with those that agree with it in the others.
    """
    differing = []
    for record in records:
        if record.task.id == task:
            signatures = [signature_of(column, record) for column in columns]
            others = [None if s == anchor else s for s, anchor in zip(signatures, anchors, strict=True)]
            if any(others):
                differing.append((others, record))
    # The fullest first, so that the others find them; then in an order that has nothing to do with that of the records.
    differing.sort(key=lambda pair: (pair[0].count(None), [str(s) for s in pair[0]], pair[1].record_id))
    ways: list[tuple[list[Signature | None], list[Record]]] = []
    for signatures, record in differing:
        for known, own in ways:
            if all(a is None or b is None or a == b for a, b in zip(known, signatures, strict=True)):
                known[:] = [a or b for a, b in zip(known, signatures, strict=True)]
                own.append(record)
                break
        else:
            ways.append((signatures, [record]))
    return sorted(ways, key=lambda way: [str(s) for s in way[0]])

"""A leaderboard as a pure function of records and a specification.

What was measured otherwise than the main table goes to a table of its own, which says in what it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.board.comparability import difference, main_signature, newest, signature_of
from fashionbench.board.rows import make_table
from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fashionbench.board.model import Signature, Table
    from fashionbench.plugins import Plugins
    from fashionbench.protocol import ProtocolCard
    from fashionbench.records.record import Record
    from fashionbench.records.store import Fault, Store
    from fashionbench.specs import BoardSpec


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard.

    :param tables: one for each group of columns, then one for each other way of measuring.
    :param faults: files of the store that were left out; a board with faults is incomplete.
    """

    spec: BoardSpec
    tables: tuple[Table, ...]
    faults: tuple[Fault, ...] = ()
    cards: dict[str, ProtocolCard] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not self.faults

    @classmethod
    def of(cls, spec: BoardSpec, store: Store, plugins: Plugins) -> Board:
        """Make a board of the current records of a store; damaged files are left out and named."""
        scan = store.scan()
        faults = list(scan.faults)
        tasks = {column.task for column in spec.columns}
        sound: list[Record] = []
        for record in scan.current():
            if record.task.id in tasks:
                fault = store.check_predictions(record)
                sound.append(record) if fault is None else faults.append(fault)
        return cls.build(spec, sound, plugins, faults)

    @classmethod
    def build(cls, spec: BoardSpec, records: Sequence[Record], plugins: Plugins, faults: Iterable[Fault] = ()) -> Board:
        """Make a board of records.

        :raises ConfigError: where a column names a task that no plugin has registered.
        """
        unknown = sorted({c.task for c in spec.columns if c.task not in plugins.tasks})
        if unknown:
            raise ConfigError(f"board {spec.id} has columns of unknown tasks: {', '.join(unknown)}")
        wanted = {column.task for column in spec.columns}
        kept = newest(record for record in records if record.task.id in wanted)
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
        return cls(spec, tuple(tables), tuple(faults), cards)


def _separate_tables(
    spec: BoardSpec, main: Sequence[Signature | None], records: Sequence[Record], plugins: Plugins
) -> list[Table]:
    """Make a table for each task and each other way it was measured."""
    others: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        for column, chosen in zip(spec.columns, main, strict=True):
            signature = signature_of(column, record)
            if record.task.id == column.task and signature is not None and signature != chosen:
                others.setdefault((column.task, signature.protocol, signature.fingerprint), []).append(record)
    tables: list[Table] = []
    for (task, protocol, fingerprint), group in sorted(others.items()):
        columns = [column for column in spec.columns if column.task == task]
        own = list({record.record_id: record for record in group}.values())
        signatures = [
            next((s for r in own if (s := signature_of(c, r)) is not None and s not in main), None) for c in columns
        ]
        anchor = next((s for c, s in zip(spec.columns, main, strict=True) if c.task == task), None)
        note = difference(own[0], anchor, records)
        title = f"{task}, measured otherwise ({protocol[7:15]}/{fingerprint[7:15]})"
        tables.append(make_table(spec, title, columns, signatures, own, plugins, note=note, main=False))
    return tables

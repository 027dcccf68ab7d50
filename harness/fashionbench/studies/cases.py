"""Single cases of the records behind boards, chosen while their predictions are at hand, and those that differ most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.studies.differing import differing_cases
from fashionbench.studies.examples import case_values, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from fashionbench.boards import Board
    from fashionbench.boards.examples import Differing, Examples
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.studies.examples import CaseValues
    from fashionbench.studies.pictures import Pictures


class Cases:
    """Cases of the records of boards.

    :param records: all that boards may have been made of, by id, each with the store that holds its predictions.
    """

    def __init__(self, records: Mapping[str, tuple[Record, Store]], plugins: Plugins) -> None:
        self._records = records
        self._plugins = plugins
        self._found: dict[str, tuple[Examples | None, CaseValues | None]] = {}

    def take(self, board: Board, tables: Mapping[str, pa.Table]) -> None:
        """Choose the cases of every record of a board.

        :param tables: predictions that have been read, by their hash.
        """
        for name in records_of(board):
            if name not in self._found and name in self._records:
                record, store = self._records[name]
                if record.predictions is not None:
                    read = tables.get(record.predictions.sha256)
                    table = store.read_predictions(record.predictions) if read is None else read
                    known = case_values(record, table, store, self._plugins)
                    self._found[name] = choose(record, table, known), known

    def shown(self, names: Iterable[str], pictures: Pictures) -> tuple[dict[str, Examples], dict[str, Differing]]:
        """Return the cases of records by id, and for each task those on which systems differ most, with pictures."""
        examples: dict[str, Examples] = {}
        values: dict[str, list[tuple[Record, CaseValues]]] = {}
        for name in names:
            record, store = self._records[name]
            found, known = self._found.get(name, (None, None))
            if found is not None:
                examples[name] = pictures.show(found, record, store)
            if known is not None:
                values.setdefault(record.task.id, []).append((record, known))
        differing: dict[str, Differing] = {}
        for task in sorted(values):
            most = differing_cases(values[task])
            if most is not None:
                record, store = self._records[most.systems[0][1]]
                differing[task] = replace(most, examples=pictures.show(most.examples, record, store))
        return examples, differing


def records_of(board: Board) -> list[str]:
    """List the ids of the records behind a board's values, each once."""
    values = (value for table in board.tables for row in table.rows for value in row.values)
    return list(dict.fromkeys(name for value in values for name in value.records))

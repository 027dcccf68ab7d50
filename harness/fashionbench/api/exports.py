"""Write stored records in the formats of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from fashionbench.api.boards import find_board
from fashionbench.api.stores import existing_store
from fashionbench.boards.board import Board
from fashionbench.boards.selection import selected
from fashionbench.errors import ConfigError
from fashionbench.files import write_text
from fashionbench.output_files import check_folder, inside
from fashionbench.plugins.manager import Plugins
from fashionbench.plugins.targets import call
from fashionbench.specs import Export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Fault, Store
    from fashionbench.specs import BoardSpec


def export(
    format_: str,
    out: str | Path,
    *,
    store: str | Path | Store | None = None,
    board: str | Path | BoardSpec | None = None,
    options: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
) -> tuple[list[Path], list[str], list[Fault]]:
    """Write the current records of a store in the format of another tool.

    :param out: a folder; the same records give the same files, so that another export replaces them.
    :param board: write only what the tables of this board show as it measures.
    :param options: what the format can be told.
    :returns: the files, what the format has no place for, and files of the store that were left out.
    :raises UnknownNameError: where nothing registered the format.
    :raises ConfigError: where the format has no such option, or the store has no records.
    """
    loaded = plugins or Plugins()
    _ = loaded.exporters[format_]  # an unknown name is said before the store is read
    check_folder(Path(out))
    opened = existing_store(store, loaded)
    scan = opened.scan()
    records = selected(scan.current())
    if not records and not scan.faults:
        raise ConfigError(f"the store {opened.root} has no records", remedy="check the path, or run something first")
    if board is not None:
        spec = find_board(board, loaded) if isinstance(board, (str, Path)) else board
        records = shown_by(Board.of(spec, opened, loaded), records)
    made = exported(format_, records, options or {}, loaded)
    paths = [inside(Path(out), name) for name in made.files]
    for path, text in zip(paths, made.files.values(), strict=True):
        write_text(path, text)
    return paths, list(made.left_out), scan.faults


def exported(format_: str, records: Sequence[Record], options: Mapping[str, str], plugins: Plugins) -> Export:
    """Return the files of a format without writing them."""
    spec = plugins.exporters[format_]
    unknown = sorted(options.keys() - spec.options.keys())
    if unknown:
        known = "; ".join(f"{name}: {text}" for name, text in spec.options.items()) or "it has none"
        raise ConfigError(f"the format {format_} has no option {unknown[0]!r}", remedy=known)
    return cast("Export", call(plugins.exporters, format_, records, options, gives=Export))


def shown_by(board: Board, records: Sequence[Record]) -> list[Record]:
    """Keep the records, and of each the values, that the main tables of a board show."""
    places: dict[str, set[tuple[str, str]]] = {}
    for table in (table for table in board.tables if table.main):
        for row in table.rows:
            for head, value in zip(table.heads, row.values, strict=True):
                for name in value.records:
                    places.setdefault(name, set()).add((head.column.metric, head.column.slice))
    return [
        record.model_copy(
            update={
                "metrics": tuple(p for p in record.metrics if (p.id, p.slice) in places[record.record_id]),
                "absent": (),
            }
        )
        for record in records
        if record.record_id in places
    ]
